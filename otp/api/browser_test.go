package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// browserPage asks for an OTP as the contract's published sample for browsers does: an XMLHttpRequest with
// credentials, a bearer token and templates by language; then once more with a key against sending twice.
// What the page saw it posts home.
const browserPage = `<!doctype html><script>
function ask(done) {
  const xhr = new XMLHttpRequest()
  xhr.withCredentials = true
  xhr.addEventListener("readystatechange", function () {
    if (this.readyState === this.DONE) {
      done({ status: this.status, body: this.responseText, replayed: this.getResponseHeader("Idempotent-Replayed"), id: this.getResponseHeader("X-Request-Id") })
    }
  })
  xhr.open("POST", "API/otp")
  xhr.setRequestHeader("Content-Type", "application/json")
  xhr.setRequestHeader("Authorization", "Bearer TOKEN")
  xhr.setRequestHeader("Idempotency-Key", "one")
  xhr.send(JSON.stringify({
    phoneNumber: "+33612424100", from: "Verify", template: "Your code is {{pin}}", template_fr: "Votre code est {{pin}}",
    template_bg: "Вашият код е {{pin}}", ttl: 600, maxAttempts: 6, pinType: "numbers", pinLength: 5, otpCallbackUrl: "https://callback.example/otp",
  }))
}
ask(first => ask(second => fetch("/seen", { method: "POST", body: JSON.stringify([first, second]) })))
</script>`

// TestBrowser: a page of a configured origin uses the API from Chromium, with credentials; a page of another
// origin gets nothing.
func TestBrowser(t *testing.T) {
	for _, allowed := range []bool{true, false} {
		seen := browse(t, allowed)
		switch {
		case !allowed && (seen[0].Status != 0 || seen[0].Body != ""):
			t.Errorf("a page of another origin read the answer: %+v", seen[0])
		case !allowed:
		case seen[0].Status != 201 || !strings.Contains(seen[0].Body, `"language":"fr"`) || seen[0].ID == "" || seen[0].Replayed != "":
			t.Errorf("first: %+v", seen[0])
		case seen[1].Status != 201 || seen[1].Replayed != "true" || seen[1].Body != seen[0].Body:
			t.Errorf("again: %+v", seen[1])
		}
	}
}

type browserAnswer struct {
	Status             int
	Body, Replayed, ID string
}

// browse opens the page in Chromium and waits for what it saw.
func browse(t *testing.T, allowed bool) [2]browserAnswer {
	t.Helper()
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			chromium = p
			break
		}
	}
	if chromium == "" {
		t.Skip("no Chromium is here to open a page: install Debian's with apt-get install chromium")
	}
	g := newGateway(t)
	token := g.token(t, "")
	seen := make(chan [2]browserAnswer, 1)
	var address atomic.Value // of the API, which has to know the page's first
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/seen" {
			var answers [2]browserAnswer
			body, _ := io.ReadAll(r.Body)
			if err := json.Unmarshal(body, &answers); err != nil {
				t.Errorf("%s: %v", body, err)
			}
			seen <- answers
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, strings.NewReplacer("API", address.Load().(string), "TOKEN", token).Replace(browserPage))
	}))
	defer page.Close()
	origin := page.URL
	if !allowed {
		origin = "https://shop.example"
	}
	api := httptest.NewServer(New(Config{Apps: apps(), Service: g.service, Log: zerolog.Nop(), CORSOrigins: []string{origin}}))
	defer api.Close()
	address.Store(api.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	profile, err := os.MkdirTemp("", "otpgw-chromium") // its last writes may come after its end, which t.TempDir does not forgive
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(profile)
	browser := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0", "--user-data-dir="+profile, page.URL)
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = browser.Wait()
	}()
	select {
	case answers := <-seen:
		return answers
	case <-ctx.Done():
		t.Fatal("the page was not heard of")
	}
	panic("not reached")
}
