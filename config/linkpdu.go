package config

import (
	"strconv"
	"strings"

	"github.com/otpgw/otpgw/smpp/link"
	"github.com/otpgw/otpgw/smpp/text"
	"github.com/otpgw/otpgw/smpp/wire"
)

// numbering reads a TON or NPI: one for all senders, or one for each kind of them.
func (v *value) numbering() link.Numbering {
	if v.trim() == "" {
		return nil
	}
	kinds := []text.SenderKind{text.SenderName, text.SenderShort, text.SenderNumber}
	n := make(link.Numbering)
	for element := range strings.SplitSeq(v.trim(), ",") {
		kind, number, by := strings.Cut(strings.TrimSpace(element), ":")
		if !by {
			number = kind
		}
		octet, err := strconv.ParseUint(strings.TrimSpace(number), 10, 8)
		if err != nil {
			v.bad(element, "a number from 0 to 255, or one for a kind of sender, as name:5")
			return nil
		}
		known := false
		for _, k := range kinds {
			if !by || string(k) == strings.TrimSpace(kind) {
				n[k], known = byte(octet), true
			}
		}
		if !known {
			v.bad(kind, "a kind of sender: name, short or number")
		}
	}
	return n
}

// statusClasses reads what statuses mean on a link.
func (v *value) statusClasses() map[wire.Status]link.Class {
	if v.trim() == "" {
		return nil
	}
	classes := make(map[wire.Status]link.Class)
	for element := range strings.SplitSeq(v.trim(), ",") {
		status, word, _ := strings.Cut(strings.TrimSpace(element), ":")
		s, err := wire.ParseStatus(status)
		if err != nil || s == wire.StatusOK {
			v.bad(status, "a command_status, such as 0x401 or ESME_RTHROTTLED")
			continue
		}
		class, ok := link.ParseClass(strings.TrimSpace(word))
		if !ok {
			v.bad(element, "a status and its class, such as 0x401:other-link; the classes are "+strings.Join(link.ClassNames(), ", "))
			continue
		}
		if _, twice := classes[s]; twice {
			v.fault("names the status %s twice", status)
		}
		classes[s] = class
	}
	return classes
}
