package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// tokenMargin is how long before its end a token is not used any more.
const tokenMargin = 30 * time.Second

// token is an access token and when to stop using it.
type token struct {
	value string
	until time.Time
}

// authorize puts the key, or a token that is good, on a request.
func (c *Client) authorize(ctx context.Context, req *http.Request) error {
	if c.config.APIKey != "" {
		req.Header.Set("X-API-KEY", c.config.APIKey)
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock() // callers that come meanwhile wait for the same token
	if time.Now().After(c.token.until) {
		t, err := c.fetchToken(ctx)
		if err != nil {
			return err
		}
		c.token = t
	}
	req.Header.Set("Authorization", "Bearer "+c.token.value)
	return nil
}

func (c *Client) forgetToken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token{}
}

// fetchToken is POST /oauth/token.
func (c *Client) fetchToken(ctx context.Context) (token, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"otp"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		return token{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(c.config.ApplicationID), url.QueryEscape(c.config.Secret)) // RFC 6749, 2.3.1
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := c.roundTrip(req, &answer); err != nil {
		return token{}, err
	}
	life := time.Duration(answer.ExpiresIn) * time.Second
	return token{value: answer.AccessToken, until: time.Now().Add(life - min(tokenMargin, life/2))}, nil
}
