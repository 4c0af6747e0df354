package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/operator"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/wire"
)

// created is what POST /otp says.
type created struct {
	OtpID    string
	Parts    int
	Encoding string
}

func waitSMS(t *testing.T, s *smsc.Server, to string) smsc.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	m, err := s.Wait(ctx, strings.TrimPrefix(to, "+"))
	if err != nil {
		t.Fatalf("no message for %s: %v", to, err)
	}
	return m
}

// TestRoutes: the longest prefix decides, a link of a lower priority takes over, and a number of no route is
// refused at once.
func TestRoutes(t *testing.T) {
	t.Parallel()
	sweden, mobile := startSMSC(t, smsc.Config{}), startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), sweden.Addr(), map[string]string{
		"OTPGW_LINKS": "carrier,second,wrong", "OTPGW_LINK_SECOND_ADDR": mobile.Addr(), "OTPGW_LINK_SECOND_SYSTEM_ID": "acc",
		"OTPGW_LINK_WRONG_ADDR": "127.0.0.1:1", "OTPGW_LINK_WRONG_SYSTEM_ID": "acc",
		"OTPGW_ROUTES": "sweden,mobile", "OTPGW_ROUTE_SWEDEN_PREFIXES": "46,47", "OTPGW_ROUTE_SWEDEN_LINKS": "carrier:0",
		"OTPGW_ROUTE_MOBILE_PREFIXES": "4670", "OTPGW_ROUTE_MOBILE_LINKS": "wrong:0,second:5",
	}))
	c := client(t)
	for to, srv := range map[string]*smsc.Server{"+46761234567": sweden, "+4740612345": sweden, "+46701234567": mobile} {
		mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+to+`"}`, 201)
		waitSMS(t, srv, to)
	}
	refused := mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"+4915112345678"}`, 403)
	if body := string(refused.body); !strings.Contains(body, "no_coverage") || !strings.Contains(body, "1119") {
		t.Errorf("a number of no route: %s", body)
	}
	if n := len(sweden.Messages(smsc.Filter{})) + len(mobile.Messages(smsc.Filter{})); n != 3 {
		t.Errorf("%d messages at the carriers", n)
	}
}

// TestTextOfALink: what the API counts is what is sent, with the tables and the plain characters that the
// link may use; and whatever becomes of the text, the PIN in it is the PIN.
func TestTextOfALink(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{})
	link := map[string]string{"OTPGW_LINK_CARRIER_NATIONAL": "turkish", "OTPGW_LINK_CARRIER_TRANSLITERATE": "on"}
	off := startDaemon(t, env(t.TempDir(), sim.Addr(), nil))
	on := startDaemon(t, env(t.TempDir(), sim.Addr(), link))
	c := client(t)
	cases := []struct {
		name, template string
		off, on        created
		text           string // as it arrives with link
	}{
		{"national letters", "Doğrulama kodunuz {{pin}}, lütfen bu şifreyi hiç kimseyle paylaşmayınız. Teşekkürler, iyi günler.",
			created{Parts: 2, Encoding: "UCS2"}, created{Parts: 1, Encoding: "GSM7"},
			"Doğrulama kodunuz {{pin}}, lütfen bu şifreyi hiç kimseyle paylaşmayınız. Teşekkürler, iyi günler."},
		{"typographic characters", "“{{pin}}” – your code, don’t share it with anyone; we will never ask you for it, neither by mail…",
			created{Parts: 2, Encoding: "UCS2"}, created{Parts: 1, Encoding: "GSM7"},
			`"{{pin}}" - your code, don't share it with anyone; we will never ask you for it, neither by mail...`},
		{"nothing to save", "“{{pin}}”", created{Parts: 1, Encoding: "UCS2"}, created{Parts: 1, Encoding: "UCS2"}, "“{{pin}}”"},
	}
	n := 0
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			for i := range 6 { // of either daemon, with PINs of each alphabet
				n++
				d, want, shown := off, tc.off, tc.template
				if i%2 == 1 {
					d, want, shown = on, tc.on, tc.text
				}
				pinType := []string{"numbers", "letters", "alphanumeric"}[i/2]
				body, err := json.Marshal(map[string]any{"phoneNumber": number(n), "template": tc.template, "pinType": pinType, "pinLength": 10})
				if err != nil {
					t.Fatal(err)
				}
				var o created
				mustCall(t, c, "POST", d.HTTP+"/otp", string(body), 201).json(t, &o)
				m := waitSMS(t, sim, number(n))
				before, after, _ := strings.Cut(shown, "{{pin}}")
				pin := strings.TrimSuffix(strings.TrimPrefix(m.Text, before), after)
				if len(pin) != 10 || m.Text != before+pin+after {
					t.Fatalf("the text is not the template with a PIN of ten: %q", m.Text)
				}
				if o.Parts != want.Parts || o.Encoding != want.Encoding || m.Parts != o.Parts {
					t.Errorf("the API says %d parts in %s, %d were sent; want %d in %s", o.Parts, o.Encoding, m.Parts, want.Parts, want.Encoding)
				}
				mustCall(t, c, "POST", d.HTTP+"/otp/"+o.OtpID, `{"pin":"`+pin+`"}`, 200)
			}
		})
	}
}

// TestPartsOfAMessage: DELIVERED is when all parts are, FAILED when one is; the ids of all are known.
func TestPartsOfAMessage(t *testing.T) {
	t.Parallel()
	const late = 700 * time.Millisecond
	type update struct {
		Status string
		At     time.Time
		Code   *int
	}
	updates := make(chan update, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var cb struct {
			Event string
			Data  []struct {
				Status    string
				ErrorCode *int
			}
		}
		if err := json.Unmarshal(body, &cb); err != nil || cb.Event != "dlr_update" {
			t.Errorf("callback %s: %v", body, err)
			return
		}
		for _, item := range cb.Data {
			if item.Status != "SENT" { // some of the parts
				updates <- update{item.Status, time.Now(), item.ErrorCode}
			}
		}
	}))
	defer receiver.Close()
	sim := startSMSC(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
		switch {
		case s.Part != 2:
			return smsc.Outcome{}
		case s.To == strings.TrimPrefix(number(2), "+"):
			return smsc.Outcome{Receipts: []smsc.Receipt{{State: smsc.Undeliverable, Err: "027"}}}
		}
		return smsc.Outcome{Receipts: []smsc.Receipt{{State: smsc.Delivered, Delay: late}}}
	}})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_APP_SHOP_CALLBACK_URL": receiver.URL}))
	c := client(t)
	for i, want := range []string{"DELIVERED", "FAILED"} {
		began := time.Now()
		var o created
		mustCall(t, c, "POST", d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q,"template":"%s{{pin}}"}`, number(i+1), strings.Repeat("x", 400)), 201).json(t, &o)
		if o.Parts != 3 {
			t.Fatalf("%d parts", o.Parts)
		}
		select {
		case u := <-updates:
			if u.Status != want {
				t.Errorf("dlr_update %s, want %s", u.Status, want)
			}
			if want == "DELIVERED" && u.At.Sub(began) < late {
				t.Error("DELIVERED came before the receipt of the second part")
			}
			if want == "FAILED" && (u.Code == nil || *u.Code != 27) {
				t.Errorf("errorCode %v", u.Code)
			}
		case <-time.After(testTimeout):
			t.Fatal("no dlr_update came")
		}
	}
}

// TestTLVsOfAnApplication: they are on each of its messages, and win over the link's.
func TestTLVsOfAnApplication(t *testing.T) {
	t.Parallel()
	seen := make(chan *wire.Message, 10)
	sim := startSMSC(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome { seen <- s.PDU; return smsc.Outcome{} }})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{
		"OTPGW_APP_SHOP_TLVS": `0x1400="1201159",0x1401="1707"`, "OTPGW_LINK_CARRIER_TLVS": `0x1400="of the link",0x1500=00ff`,
	}))
	mustCall(t, client(t), "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(1)+`"}`, 201)
	select {
	case m := <-seen:
		got := make(map[uint16]string)
		for _, tlv := range m.TLVs {
			if _, twice := got[tlv.Tag]; twice {
				t.Errorf("the tag 0x%04X is there twice", tlv.Tag)
			}
			got[tlv.Tag] = string(tlv.Value)
		}
		if want := map[uint16]string{0x1400: "1201159", 0x1401: "1707", 0x1500: "\x00\xff"}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("TLVs %v, want %v", got, want)
		}
	case <-time.After(testTimeout):
		t.Fatal("no submit_sm came")
	}
}

// TestReadyzSaysWhy: an operator reads, and so does the console, which link is down, why, what to ask, when
// it is tried again, and how fast the links are.
func TestReadyzSaysWhy(t *testing.T) {
	t.Parallel()
	sim := startSMSC(t, smsc.Config{Accounts: map[string]string{"acc": "another"}})
	d := startDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_LINK_CARRIER_TPS": "25"}))
	c := client(t)
	var got operator.Readiness
	if !await.Within(testTimeout, func() bool {
		mustCall(t, c, "GET", d.Admin+"/readyz", "", 503).json(t, &got)
		b := got.Links["carrier"]
		return len(b) == 1 && b[0].State == "refused"
	}) {
		t.Fatalf("readyz: %+v", got)
	}
	b := got.Links["carrier"][0]
	if !strings.Contains(b.Error, "ESME_RINVPASWD") || !strings.Contains(b.Advice, "PASSWORD") || time.Until(b.RetryAt) < 30*time.Second {
		t.Errorf("bind %+v", b)
	}
	if got.Rates["carrier"].Limit != 25 {
		t.Errorf("rates %+v", got.Rates)
	}
	metrics := string(mustCall(t, c, "GET", d.Admin+"/metrics", "", 200).body)
	for _, w := range []string{`otpgw_smpp_refused{bind="transceiver 1",link="carrier",status="ESME_RINVPASWD (0x0E)"} 1`, `otpgw_smpp_rate_limit{link="carrier"} 25`} {
		if !strings.Contains(metrics, w) {
			t.Errorf("no %q in\n%s", w, metrics)
		}
	}
}
