package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"otpgw/otp"
)

// key is an accepted API key, by its hash only.
type key struct {
	hash [sha256.Size]byte
	app  *otp.App
}

func hashKeys(apps []otp.App) []key {
	var keys []key
	for i := range apps {
		for _, k := range apps[i].APIKeys {
			if k != "" {
				keys = append(keys, key{sha256.Sum256([]byte(k)), &apps[i]})
			}
		}
	}
	return keys
}

// authenticate finds the application of a request. One valid credential is enough; where two are of different
// applications, the X-API-KEY counts. An API key is good as a bearer value too.
func (h *handler) authenticate(r *http.Request) (*otp.App, bool) {
	for _, k := range r.Header.Values("X-API-KEY") {
		if app := h.appOf(strings.TrimSpace(k)); app != nil {
			return app, true
		}
	}
	for _, a := range r.Header.Values("Authorization") {
		scheme, token, _ := strings.Cut(strings.TrimSpace(a), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		if app := h.appOf(strings.TrimSpace(token)); app != nil {
			return app, true
		}
	}
	return nil, false
}

// appOf compares with every key, so that the time tells nothing about which was near.
func (h *handler) appOf(presented string) (app *otp.App) {
	hash := sha256.Sum256([]byte(presented))
	for i := range h.keys {
		if subtle.ConstantTimeCompare(hash[:], h.keys[i].hash[:]) == 1 {
			app = h.keys[i].app
		}
	}
	return app
}
