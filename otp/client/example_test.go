package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/otpgw/otpgw/otp/client"
)

// answers is a gateway with one canned answer a path.
func answers(byPath map[string]string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body := byPath[r.Method+" "+r.URL.Path]
		if len(body) > 9 && body[:9] == `{"error":` {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprint(w, body)
	}))
}

func ExampleClient() {
	gateway := answers(map[string]string{
		"POST /otp":          `{"otpId":"bf325375","status":"PENDING"}`,
		"POST /otp/bf325375": `{"status":"VERIFIED"}`,
	})
	defer gateway.Close()

	c, err := client.New(client.Config{BaseURL: gateway.URL, APIKey: "demo-key"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	otp, err := c.NewOtp(ctx, client.NewOtp{PhoneNumber: "+33612345678"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(otp.Status)
	if err := c.VerifyPin(ctx, otp.OtpID, "154432"); err == nil {
		fmt.Println("let the user in")
	}
	// Output:
	// PENDING
	// let the user in
}

func ExampleError() {
	gateway := answers(map[string]string{"POST /otp/bf325375": `{"error":{"type":"invalid_pin","message":"The PIN is wrong","uri":"urn:otpgw:error:2029","code":2029}}`})
	defer gateway.Close()
	c, _ := client.New(client.Config{BaseURL: gateway.URL, APIKey: "demo-key"})

	err := c.VerifyPin(context.Background(), "bf325375", "000000")
	var e *client.Error
	if errors.As(err, &e) {
		switch e.Type {
		case client.TypeInvalidPIN:
			fmt.Println("ask again")
		case client.TypeOtpFailed, client.TypeOtpExpired:
			fmt.Println("offer a new code")
		}
	}
	// Output: ask again
}

func ExampleNewWebhook() {
	handler, err := client.NewWebhook(func(ctx context.Context, e client.Event) error {
		for _, d := range e.Deliveries {
			fmt.Println(d.OtpID, d.Status)
		}
		return nil
	}, "whsec_b3RwZ3cncyB0ZXN0IHNlY3JldCBvZiAzMiBieXRlcw==")
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/callbacks", handler)

	forged := httptest.NewRecorder()
	mux.ServeHTTP(forged, httptest.NewRequest("POST", "/callbacks", nil))
	fmt.Println(forged.Code)
	// Output: 401
}
