package config

import (
	"maps"
	"testing"

	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

func TestWhatTheCarrierWants(t *testing.T) {
	l := mustLoad(t, with("OTPGW_LINK_TELE_SERVICE_TYPE=OTP", "OTPGW_LINK_TELE_VALIDITY=off", "OTPGW_LINK_TELE_SENDER_ALPHABET=ascii",
		"OTPGW_LINK_TELE_SOURCE_TON=name:0, short:6", "OTPGW_LINK_TELE_DEST_TON=2", "OTPGW_LINK_TELE_STATUS_CLASSES=0x401:other-link, RTHROTTLED:retry")).Links[0]
	if l.ServiceType != "OTP" || l.Validity != link.ValidityOff || l.SenderAlphabet != "ascii" {
		t.Errorf("%+v", l)
	}
	if want := (link.Numbering{text.SenderName: 0, text.SenderShort: 6}); !maps.Equal(l.SourceTON, want) {
		t.Errorf("source TON %v", l.SourceTON)
	}
	if want := (link.Numbering{text.SenderName: 2, text.SenderShort: 2, text.SenderNumber: 2}); !maps.Equal(l.DestTON, want) {
		t.Errorf("destination TON %v", l.DestTON)
	}
	if want := map[wire.Status]link.Class{0x401: link.OtherLink, 0x58: link.Temporary}; !maps.Equal(l.Classes, want) {
		t.Errorf("classes %v", l.Classes)
	}
}
