package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// fullSize names the variable that gives the long tests their full size: make full.
const fullSize = "OTPGW_TEST_FULL"

// sized is a test's size: full with make full, else small.
func sized(small, full int) int {
	if os.Getenv(fullSize) != "" {
		return full
	}
	return small
}

// TestGuessesOnCluster: guesses on one OTP, over three daemons on a cluster of three NATS servers with three
// replicas, are evaluated exactly maxAttempts times; and never more often while the server that leads the
// records is killed.
func TestGuessesOnCluster(t *testing.T) {
	guesses := sized(2000, 10_000)
	sim := startSMSC(t, smsc.Config{})
	cluster := queuetest.StartCluster(t, 3)
	shared := map[string]string{
		"OTPGW_NATS_URL": cluster.URL(), "OTPGW_NATS_REPLICAS": "3",
		"OTPGW_APP_SHOP_SECRET": "client-secret",
		"OTPGW_SECRET_KEY":      base64.StdEncoding.EncodeToString([]byte("a test's key of thirty-two bytes")),
	}
	var daemons []*process
	for range 3 {
		daemons = append(daemons, startDaemon(t, env(t.TempDir(), sim.Addr(), shared)))
	}
	c := client(t)
	t.Run("a token is good, and revoked, on each daemon", func(t *testing.T) {
		for range 10 {
			tokenOnAll(t, c, daemons)
		}
	})
	const maxAttempts = 7
	for i, killed := range []bool{false, true} {
		t.Run(fmt.Sprintf("server killed: %v", killed), func(t *testing.T) {
			to := number(i + 1)
			var o struct{ OtpID string }
			mustCall(t, c, "POST", daemons[0].HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q,"maxAttempts":%d}`, to, maxAttempts), 201).json(t, &o)
			m, err := sim.Wait(t.Context(), to)
			if err != nil {
				t.Fatal(err)
			}
			wrong := otherThan(m.Code)
			leader := cluster.Leader(t, "LOG")
			g := newGuesser(t, daemons, o.OtpID)
			var answered atomic.Int64
			g.atOnce(guesses, func(i int) {
				g.guess(i, wrong)
				if answered.Add(1) == 3 && killed {
					leader.Kill()
				}
			})
			var after struct{ Status string }
			for n := 0; after.Status != "FAILED" && n < 20; n++ { // those that met no store tried nothing
				g.guess(n, wrong)
				mustCall(t, c, "GET", daemons[n%3].HTTP+"/otp/"+o.OtpID, "", 200).json(t, &after)
			}
			g.judge(maxAttempts)
			if after.Status != "FAILED" {
				t.Errorf("status %s", after.Status)
			}
		})
	}
	for _, d := range daemons {
		if code := d.stop(); code != 0 {
			t.Errorf("exit status %d", code)
		}
	}
}

// tokenOnAll gets a token from one daemon, uses it on all, revokes it on one, and wants all to refuse it
// within a second.
func tokenOnAll(t *testing.T, c *http.Client, daemons []*process) {
	t.Helper()
	post := func(path string, form url.Values) answer {
		form.Set("client_id", "shop")
		form.Set("client_secret", "client-secret")
		resp, err := c.PostForm(daemons[0].HTTP+path, form)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 200 {
			t.Fatalf("%s: %d %s", path, resp.StatusCode, body)
		}
		return answer{resp.StatusCode, resp.Header, body}
	}
	use := func(d *process, token string) int {
		req, _ := http.NewRequest("GET", d.HTTP+"/applications/shop", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	post("/oauth/token", url.Values{"grant_type": {"client_credentials"}}).json(t, &token)
	for _, d := range daemons {
		if status := use(d, token.AccessToken); status != 200 {
			t.Errorf("a fresh token: %d", status)
		}
	}
	post("/oauth/revoke", url.Values{"token": {token.AccessToken}})
	revoked := time.Now()
	for _, d := range daemons {
		for use(d, token.AccessToken) != 401 {
			if time.Since(revoked) > time.Second {
				t.Fatal("good a second after it was revoked")
			}
		}
	}
}
