package web

import (
	"embed"
	"io/fs"
	"net/http"
)

// The page is plain files: no build step, nothing from elsewhere.
//
//go:embed page
var pageFiles embed.FS

//go:embed openapi.yaml
var openAPI []byte

// page serves the web inbox: its document at /, the files that it needs below /page/.
func page() http.Handler {
	files := http.FileServerFS(pageFiles)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			notAllowed("GET, HEAD")(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-cache") // the files are those of the program that runs, whichever that is
		if r.URL.Path == "/" {
			http.ServeFileFS(w, r, pageFiles, "page/index.html")
			return
		}
		if info, err := fs.Stat(pageFiles, r.URL.Path[1:]); err != nil || info.IsDir() || r.URL.Path == "/page/index.html" {
			writeError(w, http.StatusNotFound, "not_found", "no such path: the inbox is at /, the API in /openapi.yaml")
			return
		}
		files.ServeHTTP(w, r)
	})
}

// getOpenAPI is the description of the API.
func getOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(openAPI)
}
