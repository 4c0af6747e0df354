package api

import (
	_ "embed"
	"net/http"
	"strconv"
)

// openAPI is the description of this API, the source of the page at /docs and of the tests: every answer of
// every test is checked against it.
//
//go:embed openapi.yaml
var openAPI []byte

// OpenAPI returns the OpenAPI 3.1 document of the API, in YAML.
func OpenAPI() []byte { return openAPI }

// documents registers what describes the API. It needs no authentication: it is in the source too.
func (h *handler) documents() {
	h.document("/openapi.yaml", "application/yaml", func() []byte { return openAPI })
	h.document("/docs", "text/html; charset=utf-8", docsPage)
}

func (h *handler) document(path, contentType string, content func() []byte) {
	h.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r)
		body := content()
		c.status = http.StatusOK
		header := w.Header()
		header.Set("Content-Type", contentType)
		header.Set("Content-Length", strconv.Itoa(len(body)))
		header.Set("Cache-Control", "no-cache")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Content-Security-Policy", docsPolicy)
		_, _ = w.Write(body)
	})
	h.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		if r.Method == http.MethodOptions {
			h.succeed(callOf(r), answer{status: http.StatusNoContent})
			return
		}
		h.fail(callOf(r), errMethod)
	})
}
