package lookup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// HTTP asks a URL by POST, signed with a whsec_ secret.
func HTTP(url, secret string) (Transport, error) {
	sign, err := webhooks.NewWebhook(secret)
	if err != nil {
		return nil, fmt.Errorf("lookup: %w", err)
	}
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: underWay, MaxConnsPerHost: underWay, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context, question []byte) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(question))
		if err != nil {
			return nil, err
		}
		id, now := uuid.NewString(), time.Now()
		signature, err := sign.Sign(id, now, question)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json")
		req.Header["Idempotency-Key"] = nil // not sent: net/http asks again at once where the service closed a kept connection
		req.Header.Set(webhooks.HeaderWebhookID, id)
		req.Header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
		req.Header.Set(webhooks.HeaderWebhookSignature, signature)
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
		case http.StatusNoContent, http.StatusNotFound:
			_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // so that the connection is used again
			return nil, nil
		default:
			return nil, fmt.Errorf("the answer is %s", resp.Status)
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
		if err == nil && len(body) > maxAnswer {
			err = fmt.Errorf("the answer is longer than %d octets", maxAnswer)
		}
		return body, err
	}, nil
}
