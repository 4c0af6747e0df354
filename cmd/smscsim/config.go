package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/smpp/smsc"
	"github.com/otpgw/otpgw/smpp/smsc/behave"
	alphabet "github.com/otpgw/otpgw/smpp/text"
)

// options are all settings of a run.
type options struct {
	smsc.Config
	tlsCert, tlsKey, tlsWrite string
	outbind                   string
}

// setting is one value that has a flag, an environment variable and a name in the configuration file.
type setting struct {
	flag, env, file, preset string
	parse                   func(o *options, value string) error
}

var settings = []setting{
	{"smpp", "SMSCSIM_SMPP_ADDR", "smpp", "127.0.0.1:2775", func(o *options, v string) error {
		o.SMPPAddr = v
		return checkAddr(v)
	}},
	{"tls", "SMSCSIM_TLS_ADDR", "tls", "off", addr(func(o *options) *string { return &o.TLSAddr })},
	{"tls-cert", "SMSCSIM_TLS_CERT", "tlsCert", "", text(func(o *options) *string { return &o.tlsCert })},
	{"tls-key", "SMSCSIM_TLS_KEY", "tlsKey", "", text(func(o *options) *string { return &o.tlsKey })},
	{"tls-write", "SMSCSIM_TLS_WRITE", "tlsWrite", "", text(func(o *options) *string { return &o.tlsWrite })},
	{"http", "SMSCSIM_HTTP_ADDR", "http", "127.0.0.1:8775", addr(func(o *options) *string { return &o.HTTPAddr })},
	{"accounts", "SMSCSIM_ACCOUNTS", "", "", func(o *options, v string) (err error) {
		o.Accounts, err = parseAccounts(v)
		return err
	}},
	{"receipt-delay", "SMSCSIM_RECEIPT_DELAY", "receiptDelay", "1s", func(o *options, v string) (err error) {
		o.ReceiptDelay, err = time.ParseDuration(v)
		if err != nil || o.ReceiptDelay < 0 {
			return errors.New("want a duration such as 500ms, 0s or more")
		}
		return nil
	}},
	{"receipt-format", "SMSCSIM_RECEIPT_FORMAT", "receiptFormat", "standard", func(o *options, v string) error {
		o.ReceiptFormat = smsc.ReceiptFormat(v)
		return oneOf(o.ReceiptFormat, smsc.ReceiptFormats())
	}},
	{"id-format", "SMSCSIM_ID_FORMAT", "idFormat", "decimal", func(o *options, v string) error {
		o.IDFormat = smsc.IDFormat(v)
		return oneOf(o.IDFormat, smsc.IDFormats())
	}},
	{"receipt-id-format", "SMSCSIM_RECEIPT_ID_FORMAT", "receiptIdFormat", "", func(o *options, v string) error {
		if o.ReceiptIDFormat = smsc.IDFormat(v); v == "" {
			return nil
		}
		return oneOf(o.ReceiptIDFormat, smsc.IDFormats())
	}},
	{"keep", "SMSCSIM_KEEP", "keep", "10000", func(o *options, v string) (err error) {
		o.Keep, err = strconv.Atoi(v)
		if err != nil || o.Keep < 1 {
			return errors.New("want a number of messages, 1 or more")
		}
		return nil
	}},
	{"seed", "SMSCSIM_SEED", "seed", "0", func(o *options, v string) (err error) {
		if o.Seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			return errors.New("want a number, 0 or more")
		}
		return nil
	}},
	{"alphabet", "SMSCSIM_ALPHABET", "alphabet", "gsm7", func(o *options, v string) error {
		o.Alphabet = alphabet.Alphabet(v)
		return oneOf(o.Alphabet, []alphabet.Alphabet{
			alphabet.AlphabetGSM7, alphabet.AlphabetGSM7Packed, alphabet.AlphabetLatin1, alphabet.AlphabetASCII,
		})
	}},
	{"strict", "SMSCSIM_STRICT", "strict", "on", func(o *options, v string) error {
		o.Lenient = v == "off" || v == "false"
		return oneOf(v, []string{"on", "off", "true", "false"})
	}},
	{"error-bodies", "SMSCSIM_ERROR_BODIES", "errorBodies", "spec", func(o *options, v string) error {
		o.ErrorBodies = smsc.ErrorBodies(v)
		return oneOf(o.ErrorBodies, smsc.ErrorBodyKinds())
	}},
	{"magic", "SMSCSIM_MAGIC", "magic", "on", func(o *options, v string) error {
		o.NoMagic = v == "off" || v == "false"
		return oneOf(v, []string{"on", "off", "true", "false"})
	}},
	{"outbind", "SMSCSIM_OUTBIND", "outbind", "off", addr(func(o *options) *string { return &o.outbind })},
}

// addr reads host:port; off leaves it empty.
func addr(to func(*options) *string) func(*options, string) error {
	return func(o *options, v string) error {
		if v == "off" || v == "" {
			return nil
		}
		*to(o) = v
		return checkAddr(v)
	}
}

func text(to func(*options) *string) func(*options, string) error {
	return func(o *options, v string) error {
		*to(o) = v
		return nil
	}
}

func oneOf[T ~string](v T, known []T) error {
	if slices.Contains(known, v) {
		return nil
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return fmt.Errorf("%q is none of %s", v, strings.Join(names, ", "))
}

// config reads flags, then the environment, then the file, then the defaults; all faults are reported
// together.
func (c command) config() (options, error) {
	fs := flag.NewFlagSet("smscsim", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	values := make([]*string, len(settings))
	for i, s := range settings {
		values[i] = fs.String(s.flag, "", "")
	}
	path := fs.String("config", c.getenv("SMSCSIM_CONFIG"), "")
	if err := fs.Parse(c.args); err != nil {
		return options{}, err
	}
	if fs.NArg() > 0 {
		return options{}, fmt.Errorf("unknown argument %q", fs.Arg(0))
	}
	given := make(map[string]bool)
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	o := options{}
	o.Log = zerolog.New(logWriter(c.stderr)).With().Timestamp().Logger()
	inFile, faults := readFile(*path, &o)
	for i, s := range settings {
		v, where := *values[i], "-"+s.flag+", "+s.env
		if !given[s.flag] {
			v = c.getenv(s.env)
			if v == "" {
				if f, ok := inFile[s.file]; ok {
					v, where = f, *path+": "+s.file
				} else {
					v = s.preset
				}
			}
		}
		if err := s.parse(&o, v); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", where, err))
		}
	}
	faults = append(faults, o.loadTLS())
	return o, errors.Join(faults...)
}

// readFile reads a configuration file: the settings by their names, and accounts, limits and rules.
func readFile(path string, o *options) (values map[string]string, faults []error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, []error{fmt.Errorf("-config, SMSCSIM_CONFIG: %w", err)}
	}
	var all map[string]json.RawMessage
	if err := strict(raw, &all); err != nil {
		return nil, []error{fmt.Errorf("%s: is no JSON object: %w", path, err)}
	}
	values = make(map[string]string)
	for name, v := range all {
		var err error
		switch name {
		case "accounts":
			err = strict(v, &o.AccountList)
		case "limits":
			err = strict(v, &o.Limits)
		case "rules":
			o.Rules, err = smsc.ParseRules(v)
		default:
			err = scalar(name, v, values)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %s: %w", path, name, err))
		}
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return values, faults
}

// scalar takes a string, number or boolean of the file for a setting.
func scalar(name string, raw json.RawMessage, values map[string]string) error {
	if name == "" || !slices.ContainsFunc(settings, func(s setting) bool { return s.file == name }) {
		known := []string{"accounts", "limits", "rules"}
		for _, s := range settings {
			if s.file != "" {
				known = append(known, s.file)
			}
		}
		if near := behave.Nearest(name, known); near != "" {
			return fmt.Errorf("there is no such setting; the nearest is %q", near)
		}
		return errors.New("there is no such setting")
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		if s = string(bytes.TrimSpace(raw)); strings.ContainsAny(s, "{[") || s == "null" {
			return errors.New("want a string, a number, true or false")
		}
	}
	values[name] = s
	return nil
}

// strict decodes JSON; a field that there is not is named with its path and the one that was meant.
func strict(raw []byte, v any) error {
	if err := behave.Strict(raw, v); err != nil {
		return behave.JSONError(err)
	}
	return nil
}

// loadTLS reads the certificate.
func (o *options) loadTLS() error {
	switch {
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return errors.New("-tls-cert and -tls-key: one is of no use without the other")
	case o.TLSAddr == "" && cmp.Or(o.tlsCert, o.tlsWrite) != "":
		return errors.New("-tls: is off, so the certificate is of no use; say where to listen")
	case o.tlsCert != "" && o.tlsWrite != "":
		return errors.New("-tls-write: the certificate is yours; only one that is made is written")
	case o.tlsCert == "":
		return nil
	}
	pair, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
	if err != nil {
		return fmt.Errorf("-tls-cert, -tls-key: %w", err)
	}
	o.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	return nil
}

// writeCert writes the certificate that was made.
func (o *options) writeCert(srv *smsc.Server) error {
	if o.tlsWrite == "" {
		return nil
	}
	if err := os.WriteFile(o.tlsWrite, srv.TLSCertificate(), 0o644); err != nil {
		return fmt.Errorf("-tls-write: %w", err)
	}
	return nil
}

func checkAddr(v string) error {
	if _, _, err := net.SplitHostPort(v); err != nil {
		return fmt.Errorf("%q is not host:port", v)
	}
	return nil
}

// parseAccounts reads system_id:password,... Its errors hold no password.
func parseAccounts(v string) (map[string]string, error) {
	if strings.TrimSpace(v) == "" {
		return nil, nil
	}
	accounts := make(map[string]string)
	for i, item := range strings.Split(v, ",") {
		id, password, ok := strings.Cut(strings.TrimSpace(item), ":")
		if !ok || id == "" {
			return nil, fmt.Errorf("entry %d is not system_id:password", i+1)
		}
		if _, twice := accounts[id]; twice {
			return nil, fmt.Errorf("system_id %s is there twice", id)
		}
		accounts[id] = password
	}
	return accounts, nil
}
