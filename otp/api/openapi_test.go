package api

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/api/apitest"
)

var document = sync.OnceValues(func() (*apitest.Document, error) { return apitest.Load(OpenAPI()) })

func loadDocument(t testing.TB) *apitest.Document {
	t.Helper()
	d, err := document()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// described are the paths that describe the API, and which the API's description leaves out.
var described = []string{"/openapi.yaml", "/docs"}

// checkAnswer holds every answer of this package's tests to the document.
func checkAnswer(t testing.TB, req *http.Request, r reply) {
	t.Helper()
	if slices.Contains(described, req.URL.Path) {
		return
	}
	err := loadDocument(t).Check(apitest.Answer{Method: req.Method, Path: req.URL.EscapedPath(), Status: r.status, Header: r.header, Body: []byte(r.text)})
	if err != nil {
		t.Errorf("not as openapi.yaml has it: %v", err)
	}
}

// TestDocumentedPathsExist: each operation of the document is there, and the other methods of its path are
// not.
func TestDocumentedPathsExist(t *testing.T) {
	g := newGateway(t)
	documented := loadDocument(t).Operations()
	paths := make(map[string]bool)
	for _, op := range documented {
		_, path, _ := strings.Cut(op, " ")
		paths[path] = true
	}
	for template := range paths {
		path := strings.NewReplacer("{otpId}", "bf325375-e030-4ccb-a009-17317c574773", "{applicationId}", "x").Replace(template)
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			r := g.do(t, method, path, "", "X-API-KEY", "")
			if there := r.status != 405 && !strings.Contains(r.text, `"code":1004`); there != slices.Contains(documented, method+" "+template) {
				t.Errorf("%s %s: documented %v, but %d %s", method, template, !there, r.status, r.text)
			}
		}
	}
}

// TestErrorsOfDocument: the document's table of errors is the one that answers are made with.
func TestErrorsOfDocument(t *testing.T) {
	page, err := readDocs(OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	told := make(map[otp.Code][]wire)
	for _, e := range page.Errors {
		told[otp.Code(e.Code)] = append(told[otp.Code(e.Code)], wire{e.Status, e.Type})
		if e.When == "" {
			t.Errorf("%d: no words", e.Code)
		}
	}
	for code, w := range table {
		if !slices.Contains(told[code], w) {
			t.Errorf("x-errors of openapi.yaml has no row for %d %d %s", code, w.status, w.kind)
		}
	}
	for code := range told {
		if _, ok := table[code]; !ok && code != otp.CodeOAuth {
			t.Errorf("x-errors has %d, which is never answered", code)
		}
	}
}

// TestCheckCanFail: each kind of broken promise is seen.
func TestCheckCanFail(t *testing.T) {
	g := newGateway(t)
	good := g.do(t, "POST", "/otp", french)
	d := loadDocument(t)
	for name, spoil := range map[string]func(*apitest.Answer){
		"missing key": func(a *apitest.Answer) { a.Body = []byte(strings.Replace(good.text, `"trackId":null,`, "", 1)) },
		"unknown key": func(a *apitest.Answer) {
			a.Body = []byte(strings.Replace(good.text, `{"otpId"`, `{"pin":"1","otpId"`, 1))
		},
		"wrong type":     func(a *apitest.Answer) { a.Body = []byte(strings.Replace(good.text, `"parts":1,`, `"parts":"1",`, 1)) },
		"unknown status": func(a *apitest.Answer) { a.Body = []byte(strings.Replace(good.text, "PENDING", "WAITING", 1)) },
		"unknown inner key": func(a *apitest.Answer) {
			a.Body = []byte(strings.Replace(good.text, `{"part":1,`, `{"part":1,"x":1,`, 1))
		},
		"local time":        func(a *apitest.Answer) { a.Body = []byte(strings.Replace(good.text, `Z",`, `+01:00",`, 1)) },
		"two values":        func(a *apitest.Answer) { a.Body = []byte(good.text + "{}") },
		"status":            func(a *apitest.Answer) { a.Status = 202 },
		"path":              func(a *apitest.Answer) { a.Path = "/otps" },
		"method":            func(a *apitest.Answer) { a.Method = "PUT" },
		"content type":      func(a *apitest.Answer) { a.Header.Set("Content-Type", "text/plain") },
		"no request id":     func(a *apitest.Answer) { a.Header.Del("X-Request-Id") },
		"rate that is none": func(a *apitest.Answer) { a.Header.Set("X-Rate-Limit-Limit", "many") },
		"error of another op": func(a *apitest.Answer) {
			a.Status, a.Body = 400, []byte(`{"error":{"type":"invalid_pin","message":"x","uri":"x","code":2029}}`)
		},
		"code and type": func(a *apitest.Answer) {
			a.Status, a.Body = 400, []byte(`{"error":{"type":"not_found","message":"x","uri":"x","code":2001}}`)
		},
		"body on 204": func(a *apitest.Answer) { a.Method, a.Status = "OPTIONS", 204 },
	} {
		a := apitest.Answer{Method: "POST", Path: "/otp", Status: 201, Header: good.header.Clone(), Body: []byte(good.text)}
		if err := d.Check(a); err != nil {
			t.Fatalf("the answer itself: %v", err)
		}
		spoil(&a)
		if d.Check(a) == nil {
			t.Errorf("%s: not seen", name)
		}
	}
}

func TestCallbackCheckCanFail(t *testing.T) {
	const dlr = `{"campaignId":"c","msgId":"m","statusCode":3,"status":"DELIVERED","errorCode":null,"datetime":"2026-11-23T05:36:03Z","trackData":null,` +
		`"otpId":"bf325375-e030-4ccb-a009-17317c574773","phoneNumber":"+46700000000"}`
	d := loadDocument(t)
	if err := d.CheckCallback([]byte(`{"event":"dlr_update","data":[` + dlr + `]}`)); err != nil {
		t.Error(err)
	}
	for _, body := range []string{``, `{}`, `{"event":"x","data":[]}`, `{"event":"dlr_update","data":[]}`, `{"event":"dlr_update","data":` + dlr + `}`,
		`{"event":"otp_update","data":[` + dlr + `]}`, `{"event":"dlr_update","data":[` + strings.Replace(dlr, `{`, `{"pin":"1",`, 1) + `]}`,
		`{"event":"dlr_update","data":[` + strings.Replace(dlr, `"trackData":null,`, "", 1) + `]}`} {
		if d.CheckCallback([]byte(body)) == nil {
			t.Errorf("%s: not seen", body)
		}
	}
}
