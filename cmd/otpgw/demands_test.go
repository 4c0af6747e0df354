package main

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// wantRefused looks at the error of a request: its code, and words of its message.
func wantRefused(t *testing.T, a answer, code int, says ...string) {
	t.Helper()
	var e struct {
		Error struct {
			Code    int
			Message string
		}
	}
	a.json(t, &e)
	if e.Error.Code != code {
		t.Errorf("code %d, want %d: %s", e.Error.Code, code, a.body)
	}
	for _, s := range says {
		if !strings.Contains(e.Error.Message, s) {
			t.Errorf("the message %q lacks %q", e.Error.Message, s)
		}
	}
}

// TestSenderByCountry: where names are refused, the application's number for that country is the sender;
// without one the request is refused, with the field and what to set; or it is sent and warned of, where the
// operator wants that.
func TestSenderByCountry(t *testing.T) {
	t.Parallel()
	carrier := startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), carrier.Addr(), map[string]string{
		"OTPGW_APPS": "shop,loose", "OTPGW_APP_SHOP_SENDERS": "MyShop,Other", "OTPGW_APP_SHOP_SENDERS_CA": "14165550100,12345",
		"OTPGW_APP_LOOSE_SENDERS": "Loose", "OTPGW_APP_LOOSE_API_KEYS": "loose", "OTPGW_APP_LOOSE_SENDER_RULES": "warn",
	}))
	c := client(t)
	for n, test := range []struct{ to, from, sender string }{
		{"+1416555012", `"MyShop"`, "14165550100"}, {"+1416555013", `"12345"`, "12345"}, {"+1416555014", `null`, "14165550100"}, {"+4670123450", `"Other"`, "Other"},
	} {
		to := fmt.Sprint(test.to, n)
		mustCall(t, c, "POST", d.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q,"from":%s}`, to, test.from), 201)
		if m := waitSMS(t, carrier, to); m.From != test.sender {
			t.Errorf("%s has a message from %q, want %q", to, m.From, test.sender)
		}
	}
	wantRefused(t, mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"+12025550123"}`, 400), 2005, "'from'", "US takes no names", "SENDERS_US")
	wantRefused(t, mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"+46701234512","from":"me@here"}`, 400), 2005, "'from'", "GSM alphabet") // smpp/text's rule
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"+966512345678"}`, 201)
	a, err := callAs(c, "loose", "POST", d.HTTP+"/otp", `{"phoneNumber":"+12025550124"}`)
	if err != nil || a.status != 201 {
		t.Fatalf("%v, %d %s", err, a.status, a.body)
	}
	waitSMS(t, carrier, "+12025550124")
}

// TestIndia: a message to India carries entity, template and the hash of the chain that its link is part of;
// by language; a text that is not the registered one is refused; and what an operator's code means is told.
func TestIndia(t *testing.T) {
	t.Parallel()
	const entity, plain, hindi, tm, df = "1101172974420810001", "1107161951486743588", "1107161951486743589", "1101172974420820002", "1101172974420830004"
	seen := make(chan smsc.SubmitInfo, 10)
	carrier := startSMSC(t, smsc.Config{OnSubmit: func(s smsc.SubmitInfo) smsc.Outcome {
		seen <- s
		return smsc.Outcome{Receipts: []smsc.Receipt{{State: smsc.Undeliverable, Err: "633"}}}
	}})
	d := startDaemon(t, env(t.TempDir(), carrier.Addr(), map[string]string{
		"OTPGW_APP_SHOP_SENDERS": "MYSHOP", "OTPGW_APP_SHOP_TEMPLATE": "Your code is {{pin}}. -SHOP",
		"OTPGW_APP_SHOP_DLT_ENTITY": entity, "OTPGW_APP_SHOP_DLT_TEMPLATE": plain, "OTPGW_APP_SHOP_DLT_TEXT": "Your code is {#numeric#}. -SHOP",
		"OTPGW_APP_SHOP_TEMPLATE_HI": "आपका कोड {{pin}} है", "OTPGW_APP_SHOP_DLT_TEMPLATE_HI": hindi, "OTPGW_APP_SHOP_DLT_TEXT_HI": "आपका कोड {#var#} है",
		"OTPGW_APP_SHOP_TLVS_HI":       `0x1403="hi"`,
		"OTPGW_LINK_CARRIER_DLT_CHAIN": tm + "," + df,
	}))
	c := client(t)
	var o created
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"+919876543210"}`, 201).json(t, &o)
	submitted := func(to string) map[uint16]string {
		t.Helper()
		select {
		case s := <-seen:
			tlvs := make(map[uint16]string)
			for _, v := range s.PDU.TLVs {
				tlvs[v.Tag] = string(v.Value)
			}
			if s.To != to[1:] {
				t.Errorf("a message to %s, want %s", s.To, to)
			}
			return tlvs
		case <-time.After(testTimeout):
			t.Fatal("no message came")
			return nil
		}
	}
	want := map[uint16]string{0x1400: entity, 0x1401: hindi, 0x1402: link.ChainHash(entity, []string{tm, df}), 0x1403: "hi"}
	if got := submitted("+919876543210"); !maps.Equal(got, want) {
		t.Errorf("TLVs %v, want %v", got, want)
	}
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"+919876543211","template":"Your code is {{pin}}. -SHOP"}`, 201)
	if got := submitted("+919876543211"); got[0x1401] != plain || got[0x1403] != "" {
		t.Errorf("the plain template is sent with %v", got)
	}
	wantRefused(t, mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"+919876543212","template":"Code {{pin}}"}`, 400), 2006, "registered in India", "{#numeric#}")
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(1)+`","template":"Code {{pin}}"}`, 201)
	if got := submitted(number(1)); len(got) > 0 {
		t.Errorf("a message to Sweden carries India's parameters: %v", got)
	}
	await.That(t, "the way says what code 633 means", func() bool {
		a, err := call(c, "GET", d.Admin+"/otps?of="+o.OtpID, "")
		return err == nil && strings.Contains(string(a.body), "the text is not that of the template")
	})
}

// TestNIST: under the policy PINs have 20 bits and live for ten minutes at most, and none goes to Internet
// telephony.
func TestNIST(t *testing.T) {
	t.Parallel()
	carrier := startSMSC(t, smsc.Config{})
	d := startDaemon(t, env(t.TempDir(), carrier.Addr(), map[string]string{"OTPGW_APP_SHOP_POLICY": "nist", "OTPGW_APP_SHOP_OWN_PIN": "on"}))
	c := client(t)
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(1)+`","ttl":600}`, 201)
	if m := waitSMS(t, carrier, number(1)); len(m.Code) != 7 {
		t.Errorf("the PIN of %q has not 7 digits", m.Text)
	}
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(2)+`","pinType":"letters","pinLength":5}`, 201)
	wantRefused(t, mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(3)+`","ttl":601}`, 400), 2009, "600", "NIST")
	wantRefused(t, mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(3)+`","pinLength":6}`, 400), 2016, "7", "NIST")
	wantRefused(t, mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"`+number(3)+`","pin":"123456"}`, 400), 2034, "NIST")
	wantRefused(t, mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"+445600123456"}`, 400), 2020, "Internet telephony")
}
