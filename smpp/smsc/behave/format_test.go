package behave_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/dlr/receipt"
	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/internal/esmetest"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// receiptOf reads a receipt as the gateway does: octets as Latin-1 but for UCS-2, and the TLVs.
func receiptOf(t *testing.T, m *wire.Message) (string, receipt.Receipt) {
	t.Helper()
	coding := m.DataCoding
	if coding == 0 {
		coding = 3
	}
	part, err := text.ParsePart(m.ESMClass, coding, m.ShortMessage, m.TLVs)
	if err != nil {
		t.Fatal(err)
	}
	part.Number, part.Total = 1, 1
	body, err := text.Join([]text.Part{part}, text.AlphabetLatin1)
	if err != nil {
		t.Fatal(err)
	}
	r, ok := receipt.Parse(body, m.TLVs)
	if !ok {
		t.Fatalf("dlr/receipt cannot read %q, %v", body, m.TLVs)
	}
	return body, r
}

// TestReceiptFormats: each layout goes over a real connection, has its trait, and says the same to
// dlr/receipt.
func TestReceiptFormats(t *testing.T) {
	traits := map[smsc.ReceiptFormat]func(body string, m *wire.Message) bool{
		smsc.FormatStandard: func(b string, m *wire.Message) bool {
			return strings.Contains(b, " submit date:") && len(m.TLVs) == 2
		},
		smsc.FormatTextOnly: func(b string, m *wire.Message) bool { return strings.Contains(b, " text:") && len(m.TLVs) == 0 },
		smsc.FormatTLVOnly:  func(b string, m *wire.Message) bool { return b == "" && len(m.TLVs) >= 2 },
		smsc.FormatUpper:    func(b string, m *wire.Message) bool { return strings.Contains(b, " SUBMIT DATE:") },
		smsc.FormatSpelled: func(b string, m *wire.Message) bool {
			return regexp.MustCompile(`Stat:(Delivered|Failed) `).MatchString(b)
		},
		smsc.FormatStateFirst: func(b string, m *wire.Message) bool { return strings.HasPrefix(b, "stat:") },
		smsc.FormatShort:      func(b string, m *wire.Message) bool { return !strings.Contains(b, "sub:") },
		smsc.FormatNoText: func(b string, m *wire.Message) bool {
			return !strings.Contains(b, "text:") && strings.Contains(b, "sub:")
		},
		smsc.FormatSeconds: func(b string, m *wire.Message) bool { return regexp.MustCompile(`done date:\d{12} `).MatchString(b) },
		smsc.FormatLongDates: func(b string, m *wire.Message) bool {
			return regexp.MustCompile(`done date:20\d{12}[+-]\d{4} `).MatchString(b)
		},
		smsc.FormatNumeric: func(b string, m *wire.Message) bool { return regexp.MustCompile(`stat:[25] `).MatchString(b) },
		smsc.FormatCutState: func(b string, m *wire.Message) bool {
			return regexp.MustCompile(`stat:(DELIVR|UNDELI) `).MatchString(b)
		},
		smsc.FormatTrailing: func(b string, m *wire.Message) bool { return strings.HasSuffix(b, "  \x00\x00") },
		smsc.FormatGarbage:  func(b string, m *wire.Message) bool { return strings.HasPrefix(b, "\x05\x00") },
		smsc.FormatTwice:    func(b string, m *wire.Message) bool { return strings.Count(b, "id:") == 2 },
		smsc.FormatUnderscores: func(b string, m *wire.Message) bool {
			return strings.HasPrefix(b, "message_id:") && strings.Contains(b, "done_date:")
		},
		smsc.FormatLines:      func(b string, m *wire.Message) bool { return strings.Contains(b, "\r\nstat:") },
		smsc.FormatHexErr:     func(b string, m *wire.Message) bool { return strings.Contains(b, "err:0x") },
		smsc.FormatNetworkErr: func(b string, m *wire.Message) bool { return !strings.Contains(b, "err:") && len(m.TLVs) == 1 },
		smsc.FormatUCS2:       func(b string, m *wire.Message) bool { return m.DataCoding == 8 },
		smsc.FormatPayload:    func(b string, m *wire.Message) bool { return len(m.ShortMessage) == 0 && len(m.TLVs) == 1 },
		smsc.FormatUDH:        func(b string, m *wire.Message) bool { return m.ESMClass == 0x44 },
		smsc.FormatCutTLV:     func(b string, m *wire.Message) bool { return string(m.TLVs[2].Value) == "cut" },
		smsc.FormatESMClass0:  func(b string, m *wire.Message) bool { return m.ESMClass == 0 },
		smsc.FormatNoNULID: func(b string, m *wire.Message) bool {
			v, _ := m.TLVs.Get(wire.TagReceiptedMessageID)
			return len(v) > 0 && v[len(v)-1] != 0
		},
	}
	if len(smsc.ReceiptFormats()) < 10 {
		t.Error("fewer than ten layouts")
	}
	for _, f := range smsc.ReceiptFormats() {
		for _, state := range []smsc.State{smsc.Delivered, smsc.Undeliverable} {
			for _, dataSM := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s data_sm %v", f, state, dataSM), func(t *testing.T) {
					code, want, wantCode := "000", wire.Delivered, 0
					if state != smsc.Delivered {
						code, want, wantCode = "027", wire.Undeliverable, 27
					}
					srv := esmetest.WithRules(t, fmt.Sprintf(`{"receipt":{"state":%q,"err":%q,"format":%q,"dataSm":%v}}`, state, code, f, dataSM))
					e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
					id := e.Submit(esmetest.Message("491701234567", "hello"))
					m := e.Receipt()
					body, r := receiptOf(t, m)
					if r.ID != id || r.State != want {
						t.Errorf("read as id %q, state %s; want %q, %s; from %q", r.ID, r.State, id, want, body)
					}
					if f != smsc.FormatTLVOnly || state != smsc.Delivered {
						if r.ErrorCode == nil || *r.ErrorCode != wantCode {
							t.Errorf("error code %v, want %d; from %q", r.ErrorCode, wantCode, body)
						}
					}
					trait, ok := traits[f]
					if !ok {
						t.Fatal("there is no test of its trait")
					}
					if !(dataSM && f == smsc.FormatPayload) && !dataSM && !trait(body, m) {
						t.Errorf("%q with %v, esm_class 0x%02X lacks its trait", body, m.TLVs, m.ESMClass)
					}
				})
			}
		}
	}
}

// TestIDFormats: each format in the answer and another in the receipt, over a real connection.
func TestIDFormats(t *testing.T) {
	shapes := map[smsc.IDFormat]string{
		smsc.IDDecimal: `^[1-9]\d*$`, smsc.IDPadded: `^0\d{19}$`, smsc.IDHex: `^[1-9a-f][0-9a-f]*$`, smsc.IDHexUpper: `^[1-9A-F][0-9A-F]*$`,
		smsc.IDHexPadded: `^0[0-9A-F]{15}$`, smsc.ID0xHex: `^0x[1-9a-f][0-9a-f]*$`,
		smsc.IDUUID:      `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
		smsc.IDUUIDUpper: `^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$`,
	}
	for _, answer := range smsc.IDFormats() {
		for _, inReceipt := range smsc.IDFormats() {
			t.Run(fmt.Sprint(answer, " and ", inReceipt), func(t *testing.T) {
				srv := esmetest.Start(t, smsc.Config{IDFormat: answer, ReceiptIDFormat: inReceipt, ReceiptFormat: smsc.FormatTextOnly})
				e := esmetest.Bound(t, srv, wire.BindTransceiver, "a")
				id := e.Submit(esmetest.Message("1", "x"))
				_, r := receiptOf(t, e.Receipt())
				if !regexp.MustCompile(shapes[answer]).MatchString(id) {
					t.Errorf("answered %q", id)
				}
				if !regexp.MustCompile(shapes[inReceipt]).MatchString(r.ID) {
					t.Errorf("receipt for %q", r.ID)
				}
				for answer != inReceipt && strings.EqualFold(id, r.ID) && !strings.ContainsAny(id, "abcdefABCDEF") {
					id = e.Submit(esmetest.Message("1", "x")) // a number without a letter is the same in both cases
					_, r = receiptOf(t, e.Receipt())
				}
				if (answer == inReceipt) != (id == r.ID) {
					t.Errorf("answered %q, receipt for %q", id, r.ID)
				}
			})
		}
	}
}
