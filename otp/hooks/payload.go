package hooks

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/pin"
)

// readKratos reads the courier's request. Its body is the operator's Jsonnet; function(ctx) ctx is all of the
// courier's message: recipient, template_type, template_data with the code, body with the text.
func readKratos(body []byte) (message, error) {
	fields, err := readObject(body)
	if err != nil {
		return message{}, err
	}
	data := fields.object("template_data")
	m := message{phone: first(fields.text("recipient", "to", "phone"), data.text("to"))}
	codes := []string{"login_code", "registration_code", "verification_code", "recovery_code", "code"}
	m.code = first(data.text(codes...), fields.text(codes...), codeIn(fields.text("body", "message", "text")))
	return m, nil
}

// readZitadel reads the notification of an SMS provider of the type HTTP.
func readZitadel(body []byte) (message, error) {
	fields, err := readObject(body)
	if err != nil {
		return message{}, err
	}
	info, data, args := fields.object("contextInfo"), fields.object("templateData"), fields.object("args")
	return message{
		phone: info.text("recipientPhoneNumber"),
		code:  first(args.text("code", "otp"), codeIn(data.text("text"))),
	}, nil
}

// payload is an object whose names are compared without regard to case and underscores, for the operator
// writes them. Of two that are alike then nobody knows which is meant, and neither is read.
type payload map[string]json.RawMessage

// readObject reads the body of a request, as strictly as the gateway's own.
func readObject(body []byte) (payload, error) {
	raw, err := otp.ParseFields(body)
	if err != nil {
		return nil, err
	}
	return plain(raw), nil
}

func plain(raw map[string]json.RawMessage) payload {
	p := make(payload)
	for name, value := range raw {
		if name = plainName(name); p.has(name) {
			value = nil
		}
		p[name] = value
	}
	return p
}

func (p payload) has(name string) bool {
	_, ok := p[name]
	return ok
}

func plainName(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

func (p payload) object(name string) payload {
	var raw map[string]json.RawMessage
	if json.Unmarshal(p[plainName(name)], &raw) != nil {
		return nil
	}
	return plain(raw)
}

// text is the first of the names that has a text.
func (p payload) text(names ...string) string {
	for _, name := range names {
		var s string
		if json.Unmarshal(p[plainName(name)], &s) == nil && s != "" {
			return s
		}
	}
	return ""
}

func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

var digitRun = regexp.MustCompile(`[0-9]+`)

// codeIn finds the code in a text: its only run of as many digits as a PIN may have. Of several nobody knows
// which it is.
func codeIn(text string) string {
	code := ""
	for _, run := range digitRun.FindAllString(text, -1) {
		if len(run) < pin.Min || len(run) > pin.Max {
			continue
		}
		if code != "" && code != run {
			return ""
		}
		code = run
	}
	return code
}
