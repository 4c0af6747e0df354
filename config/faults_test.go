package config

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFaults changes one thing in a sound configuration: exactly that variable must be at fault, with a
// word of what would be right.
func TestFaults(t *testing.T) {
	noPEM := writeFile(t, "no.pem", "nothing")
	empty := writeFile(t, "empty", "\n")
	missing := filepath.Join(t.TempDir(), "missing")
	long := writeFile(t, "long", strings.Repeat("x", maxSecretFile+1))
	b64 := func(n int) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, n)) }
	shared := filepath.Join(t.TempDir(), "shared")
	if err := errors.Join(os.Mkdir(shared, 0o700), os.Chmod(shared, 0o777)); err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		name, change, variable, says string // change: NAME=value, several separated by |
	}{
		{"no port", "OTPGW_HTTP_ADDR=localhost", "OTPGW_HTTP_ADDR", "host:port"},
		{"port too high", "OTPGW_HTTP_ADDR=:70000", "OTPGW_HTTP_ADDR", "host:port"},
		{"port by name", "OTPGW_ADMIN_ADDR=:http", "OTPGW_ADMIN_ADDR", "host:port"},
		{"same address", "OTPGW_ADMIN_ADDR=:8080", "OTPGW_ADMIN_ADDR", "another port"},
		{"data directory is a file", "OTPGW_DATA_DIR=" + empty, "OTPGW_DATA_DIR", "directory"},
		{"NATS scheme", "OTPGW_NATS_URL=http://n:4222", "OTPGW_NATS_URL", "nats://host:4222"},
		{"NATS without scheme", "OTPGW_NATS_URL=nats://n1:4222,n2:4222", "OTPGW_NATS_URL", "nats://host:4222"},
		{"NATS creds missing", "OTPGW_NATS_URL=nats://n:4222|OTPGW_NATS_CREDS=" + missing, "OTPGW_NATS_CREDS", "readable file"},
		{"no replicas", "OTPGW_NATS_REPLICAS=0", "OTPGW_NATS_REPLICAS", "1 to 5"},
		{"replicas of the embedded server", "OTPGW_NATS_REPLICAS=3", "OTPGW_NATS_REPLICAS", "OTPGW_NATS_URL"},
		{"sync too short", "OTPGW_NATS_SYNC=1ms", "OTPGW_NATS_SYNC", "100ms"},
		{"sync in words", "OTPGW_NATS_SYNC=never", "OTPGW_NATS_SYNC", "100ms"},
		{"short key", "OTPGW_SECRET_KEY=" + b64(16), "OTPGW_SECRET_KEY", "32 bytes"},
		{"key not base64", "OTPGW_SECRET_KEY=!", "OTPGW_SECRET_KEY", "openssl"},
		{"key given twice", "OTPGW_SECRET_KEY=" + b64(32) + "|OTPGW_SECRET_KEY_FILE=" + empty, "OTPGW_SECRET_KEY", "keep one"},
		{"key of zeros", "OTPGW_SECRET_KEY=" + base64.StdEncoding.EncodeToString(make([]byte, 32)), "OTPGW_SECRET_KEY", "random"},
		{"old key short", "OTPGW_SECRET_KEYS_OLD=" + b64(32) + "," + b64(16), "OTPGW_SECRET_KEYS_OLD", "element 2"},
		{"data directory of everybody", "OTPGW_DATA_DIR=" + shared, "OTPGW_DATA_DIR", "chmod 700"},
		{"log level", "OTPGW_LOG_LEVEL=verbose", "OTPGW_LOG_LEVEL", "debug"},
		{"log format", "OTPGW_LOG_FORMAT=text", "OTPGW_LOG_FORMAT", "json or console"},

		{"no apps", "OTPGW_APPS=", "OTPGW_APPS", "at least one"},
		{"empty app name", "OTPGW_APPS=shop,", "OTPGW_APPS", "comma"},
		{"app twice", "OTPGW_APPS=shop,shop", "OTPGW_APPS", "repeats"},
		{"app name", "OTPGW_APPS=shop,a b", "OTPGW_APPS", "letters, digits"},
		{"same prefix", "OTPGW_APPS=shop,Shop", "OTPGW_APPS", "OTPGW_APP_SHOP_"},
		{"keys and secret missing", "OTPGW_APP_SHOP_API_KEYS=", "OTPGW_APP_SHOP_API_KEYS", "OTPGW_APP_SHOP_SECRET"},
		{"empty key", "OTPGW_APP_SHOP_API_KEYS=a,,b", "OTPGW_APP_SHOP_API_KEYS", "element 2"},
		{"key twice", "OTPGW_APP_SHOP_API_KEYS=a,b,a", "OTPGW_APP_SHOP_API_KEYS", "element 3"},
		{"key with a space", "OTPGW_APP_SHOP_API_KEYS=a b", "OTPGW_APP_SHOP_API_KEYS", "key 1"},
		{"keys file missing", "OTPGW_APP_SHOP_API_KEYS=|OTPGW_APP_SHOP_API_KEYS_FILE=" + missing, "OTPGW_APP_SHOP_API_KEYS_FILE", "no such file"},
		{"keys file empty", "OTPGW_APP_SHOP_API_KEYS=|OTPGW_APP_SHOP_API_KEYS_FILE=" + empty, "OTPGW_APP_SHOP_API_KEYS_FILE", "empty"},
		{"keys file is a directory", "OTPGW_APP_SHOP_API_KEYS=|OTPGW_APP_SHOP_API_KEYS_FILE=" + os.TempDir(), "OTPGW_APP_SHOP_API_KEYS_FILE", "regular"},
		{"secret file too long", "OTPGW_APP_SHOP_SECRET_FILE=" + long, "OTPGW_APP_SHOP_SECRET_FILE", "longer"},
		{"no senders", "OTPGW_APP_SHOP_SENDERS=", "OTPGW_APP_SHOP_SENDERS", "at least one"},
		{"short sender", "OTPGW_APP_SHOP_SENDERS=AB", "OTPGW_APP_SHOP_SENDERS", "3 to 15"},
		{"long name", "OTPGW_APP_SHOP_SENDERS=ABCDEFGHIJKL", "OTPGW_APP_SHOP_SENDERS", "11 characters"},
		{"long number", "OTPGW_APP_SHOP_SENDERS=1234567890123456", "OTPGW_APP_SHOP_SENDERS", "3 to 15"},
		{"number that begins with 0", "OTPGW_APP_SHOP_SENDERS=07700900123", "OTPGW_APP_SHOP_SENDERS", "country code"},
		{"short code with +", "OTPGW_APP_SHOP_SENDERS=+12345", "OTPGW_APP_SHOP_SENDERS", "without +"},
		{"sender with @", "OTPGW_APP_SHOP_SENDERS=me@home", "OTPGW_APP_SHOP_SENDERS", "letters"},
		{"sender in Cyrillic", "OTPGW_APP_SHOP_SENDERS=Магазин", "OTPGW_APP_SHOP_SENDERS", "letters"},
		{"escapes count twice", "OTPGW_APP_SHOP_SENDERS=[[[[[[", "OTPGW_APP_SHOP_SENDERS", "11 characters"},
		{"from not approved", "OTPGW_APP_SHOP_FROM=Bank", "OTPGW_APP_SHOP_FROM", "OTPGW_APP_SHOP_SENDERS"},
		{"template without PIN", "OTPGW_APP_SHOP_TEMPLATE=Hello {{PIN}}", "OTPGW_APP_SHOP_TEMPLATE", "{{pin}}"},
		{"template too long", "OTPGW_APP_SHOP_TEMPLATE={{pin}}" + strings.Repeat("x", 1000), "OTPGW_APP_SHOP_TEMPLATE", "1000"},
		{"template in no UTF-8", "OTPGW_APP_SHOP_TEMPLATE={{pin}}\xff", "OTPGW_APP_SHOP_TEMPLATE", "UTF-8"},
		{"language template without PIN", "OTPGW_APP_SHOP_TEMPLATE_FR=Bonjour", "OTPGW_APP_SHOP_TEMPLATE_FR", "{{pin}}"},
		{"no language", "OTPGW_APP_SHOP_TEMPLATE_XX={{pin}}", "OTPGW_APP_SHOP_TEMPLATE_XX", "language tag"},
		{"language by its name", "OTPGW_APP_SHOP_TEMPLATE_ENGLISH={{pin}}", "OTPGW_APP_SHOP_TEMPLATE_ENGLISH", "language tag"},
		{"language and country twice", "OTPGW_APP_SHOP_TEMPLATE_PT_BR={{pin}}|OTPGW_APP_SHOP_TEMPLATE_POR_BR={{pin}}", "OTPGW_APP_SHOP_TEMPLATE_PT_BR", "two templates"},
		{"template with a control character", "OTPGW_APP_SHOP_TEMPLATE={{pin}}\x1b", "OTPGW_APP_SHOP_TEMPLATE", "control character"},
		{"undetermined language", "OTPGW_APP_SHOP_TEMPLATE_UND={{pin}}", "OTPGW_APP_SHOP_TEMPLATE_UND", "language tag"},
		{"language twice", "OTPGW_APP_SHOP_TEMPLATE_FR={{pin}}|OTPGW_APP_SHOP_TEMPLATE_FRA={{pin}}", "OTPGW_APP_SHOP_TEMPLATE_FRA", "two templates"},
		{"TTL too short", "OTPGW_APP_SHOP_TTL=59", "OTPGW_APP_SHOP_TTL", "1m0s"},
		{"TTL too long", "OTPGW_APP_SHOP_TTL=31m", "OTPGW_APP_SHOP_TTL", "30m0s"},
		{"TTL in parts of a second", "OTPGW_APP_SHOP_TTL=90500ms", "OTPGW_APP_SHOP_TTL", "seconds"},
		{"TTL overflows", "OTPGW_APP_SHOP_TTL=9223372036854775807", "OTPGW_APP_SHOP_TTL", "duration"},
		{"no attempts", "OTPGW_APP_SHOP_MAX_ATTEMPTS=0", "OTPGW_APP_SHOP_MAX_ATTEMPTS", "1 to 10"},
		{"many attempts", "OTPGW_APP_SHOP_MAX_ATTEMPTS=11", "OTPGW_APP_SHOP_MAX_ATTEMPTS", "1 to 10"},
		{"PIN type", "OTPGW_APP_SHOP_PIN_TYPE=digits", "OTPGW_APP_SHOP_PIN_TYPE", "numbers"},
		{"short PIN", "OTPGW_APP_SHOP_PIN_LENGTH=3", "OTPGW_APP_SHOP_PIN_LENGTH", "4 to 10"},
		{"long PIN", "OTPGW_APP_SHOP_PIN_LENGTH=11", "OTPGW_APP_SHOP_PIN_LENGTH", "4 to 10"},
		{"callback scheme", "OTPGW_APP_SHOP_CALLBACK_URL=ftp://a.example/", "OTPGW_APP_SHOP_CALLBACK_URL", "http"},
		{"callback without host", "OTPGW_APP_SHOP_CALLBACK_URL=https:///otp", "OTPGW_APP_SHOP_CALLBACK_URL", "http"},
		{"callback with a password", "OTPGW_APP_SHOP_CALLBACK_URL=https://u:pw@a.example/", "OTPGW_APP_SHOP_CALLBACK_URL", "user or password"},
		{"callback port", "OTPGW_APP_SHOP_CALLBACK_URL=https://a.example:0/", "OTPGW_APP_SHOP_CALLBACK_URL", "65535"},
		{"callback secret without whsec_", "OTPGW_APP_SHOP_CALLBACK_SECRET=" + b64(32), "OTPGW_APP_SHOP_CALLBACK_SECRET", "whsec_"},
		{"callback secret short", "OTPGW_APP_SHOP_CALLBACK_SECRET=whsec_" + b64(23), "OTPGW_APP_SHOP_CALLBACK_SECRET", "24 to 64"},
		{"callback secret long", "OTPGW_APP_SHOP_CALLBACK_SECRET=whsec_" + b64(65), "OTPGW_APP_SHOP_CALLBACK_SECRET", "24 to 64"},
		{"negative rate", "OTPGW_APP_SHOP_RATE=-1", "OTPGW_APP_SHOP_RATE", "0 to"},
		{"rate not a number", "OTPGW_APP_SHOP_RATE=NaN", "OTPGW_APP_SHOP_RATE", "0 to"},
		{"shared key", "OTPGW_APPS=shop,bank|OTPGW_APP_BANK_SENDERS=Bank|OTPGW_APP_BANK_API_KEYS=x,shop-key-1-of-at-least-twenty", "OTPGW_APP_BANK_API_KEYS", "application shop"},
		{"callback secrets, one too many", "OTPGW_APP_SHOP_CALLBACK_SECRET=whsec_" + b64(24) + ",whsec_" + b64(25) + ",whsec_" + b64(26), "OTPGW_APP_SHOP_CALLBACK_SECRET", "keep 2"},
		{"callback secrets, the second", "OTPGW_APP_SHOP_CALLBACK_SECRET=whsec_" + b64(24) + ",x", "OTPGW_APP_SHOP_CALLBACK_SECRET", "secret 2"},
		{"callback time-out", "OTPGW_CALLBACK_TIMEOUT=31s", "OTPGW_CALLBACK_TIMEOUT", "30s"},
		{"two apps, one variable", "OTPGW_APPS=shop,shop-callback|OTPGW_APP_SHOP_CALLBACK_SENDERS=Bank|OTPGW_APP_SHOP_CALLBACK_API_KEYS=x", "OTPGW_APPS", "OTPGW_APP_SHOP_CALLBACK_SECRET"},

		{"no links", "OTPGW_LINKS=", "OTPGW_LINKS", "at least one"},
		{"link name", "OTPGW_LINKS=tele,a.b", "OTPGW_LINKS", "letters, digits"},
		{"no address", "OTPGW_LINK_TELE_ADDR=", "OTPGW_LINK_TELE_ADDR", "host:port"},
		{"address without host", "OTPGW_LINK_TELE_ADDR=:2775", "OTPGW_LINK_TELE_ADDR", "host"},
		{"port 0", "OTPGW_LINK_TELE_ADDR=smsc:0", "OTPGW_LINK_TELE_ADDR", "above 0"},
		{"address is a URL", "OTPGW_LINK_TELE_ADDR=smpp://smsc:2775", "OTPGW_LINK_TELE_ADDR", "host:port"},
		{"no system_id", "OTPGW_LINK_TELE_SYSTEM_ID=", "OTPGW_LINK_TELE_SYSTEM_ID", "account"},
		{"system_id long", "OTPGW_LINK_TELE_SYSTEM_ID=1234567890123456", "OTPGW_LINK_TELE_SYSTEM_ID", "15"},
		{"system_id not ASCII", "OTPGW_LINK_TELE_SYSTEM_ID=é", "OTPGW_LINK_TELE_SYSTEM_ID", "ASCII"},
		{"password with a control character", "OTPGW_LINK_TELE_PASSWORD=a\tb", "OTPGW_LINK_TELE_PASSWORD", "control"},
		{"system_type long", "OTPGW_LINK_TELE_SYSTEM_TYPE=1234567890123", "OTPGW_LINK_TELE_SYSTEM_TYPE", "12"},
		{"TLS", "OTPGW_LINK_TELE_TLS=maybe", "OTPGW_LINK_TELE_TLS", "on or off"},
		{"CA without TLS", "OTPGW_LINK_TELE_TLS_CA=" + noPEM, "OTPGW_LINK_TELE_TLS_CA", "OTPGW_LINK_TELE_TLS is off"},
		{"CA missing", "OTPGW_LINK_TELE_TLS=on|OTPGW_LINK_TELE_TLS_CA=" + missing, "OTPGW_LINK_TELE_TLS_CA", "no such file"},
		{"CA no PEM", "OTPGW_LINK_TELE_TLS=on|OTPGW_LINK_TELE_TLS_CA=" + noPEM, "OTPGW_LINK_TELE_TLS_CA", "PEM"},
		{"certificate without key", "OTPGW_LINK_TELE_TLS=on|OTPGW_LINK_TELE_TLS_CERT=" + noPEM, "OTPGW_LINK_TELE_TLS_KEY", "not set"},
		{"key without certificate", "OTPGW_LINK_TELE_TLS=on|OTPGW_LINK_TELE_TLS_KEY=" + noPEM, "OTPGW_LINK_TELE_TLS_CERT", "not set"},
		{"certificate no PEM", "OTPGW_LINK_TELE_TLS=on|OTPGW_LINK_TELE_TLS_CERT=" + noPEM + "|OTPGW_LINK_TELE_TLS_KEY=" + noPEM, "OTPGW_LINK_TELE_TLS_CERT", "PEM"},
		{"bind", "OTPGW_LINK_TELE_BIND=both", "OTPGW_LINK_TELE_BIND", "split"},
		{"no binds", "OTPGW_LINK_TELE_BINDS=0", "OTPGW_LINK_TELE_BINDS", "1 to"},
		{"no window", "OTPGW_LINK_TELE_WINDOW=0", "OTPGW_LINK_TELE_WINDOW", "1 to"},
		{"negative TPS", "OTPGW_LINK_TELE_TPS=-1", "OTPGW_LINK_TELE_TPS", "0 to"},
		{"enquire_link off", "OTPGW_LINK_TELE_ENQUIRE_LINK=0", "OTPGW_LINK_TELE_ENQUIRE_LINK", "1s"},
		{"response timeout", "OTPGW_LINK_TELE_RESPONSE_TIMEOUT=1h", "OTPGW_LINK_TELE_RESPONSE_TIMEOUT", "5m"},
		{"message id", "OTPGW_LINK_TELE_MESSAGE_ID=hex", "OTPGW_LINK_TELE_MESSAGE_ID", "hex-dec"},
		{"alphabet", "OTPGW_LINK_TELE_ALPHABET=utf8", "OTPGW_LINK_TELE_ALPHABET", "latin1"},
		{"long", "OTPGW_LINK_TELE_LONG=udh", "OTPGW_LINK_TELE_LONG", "udh16"},
		{"TLVs", "OTPGW_LINK_TELE_TLVS=0x1400", "OTPGW_LINK_TELE_TLVS", "tag=hex"},
		{"family", "OTPGW_LINK_TELE_FAMILY=inet", "OTPGW_LINK_TELE_FAMILY", "ipv4 or ipv6"},
		{"source address", "OTPGW_LINK_TELE_SOURCE_ADDR=eth0", "OTPGW_LINK_TELE_SOURCE_ADDR", "IP address"},
		{"source address of the other family", "OTPGW_LINK_TELE_FAMILY=ipv6|OTPGW_LINK_TELE_SOURCE_ADDR=192.0.2.7", "OTPGW_LINK_TELE_SOURCE_ADDR", "OTPGW_LINK_TELE_FAMILY"},
		{"server name without TLS", "OTPGW_LINK_TELE_TLS_SERVER_NAME=smsc", "OTPGW_LINK_TELE_TLS_SERVER_NAME", "OTPGW_LINK_TELE_TLS is off"},
		{"server name with a port", "OTPGW_LINK_TELE_TLS=on|OTPGW_LINK_TELE_TLS_SERVER_NAME=smsc:2776", "OTPGW_LINK_TELE_TLS_SERVER_NAME", "without a port"},
		{"interface_version", "OTPGW_LINK_TELE_INTERFACE_VERSION=3.4", "OTPGW_LINK_TELE_INTERFACE_VERSION", "0x34"},
		{"address_range long", "OTPGW_LINK_TELE_ADDRESS_RANGE=" + strings.Repeat("1", 41), "OTPGW_LINK_TELE_ADDRESS_RANGE", "40"},
		{"bind TON", "OTPGW_LINK_TELE_BIND_TON=256", "OTPGW_LINK_TELE_BIND_TON", "0 to 255"},
		{"bind NPI", "OTPGW_LINK_TELE_BIND_NPI=x", "OTPGW_LINK_TELE_BIND_NPI", "0 to 255"},
		{"on timeout", "OTPGW_LINK_TELE_ON_TIMEOUT=retry", "OTPGW_LINK_TELE_ON_TIMEOUT", "resend or fail"},
		{"national", "OTPGW_LINK_TELE_NATIONAL=turkish,klingon", "OTPGW_LINK_TELE_NATIONAL", "portuguese"},
		{"national without GSM", "OTPGW_LINK_TELE_NATIONAL=turkish|OTPGW_LINK_TELE_ALPHABET=latin1", "OTPGW_LINK_TELE_NATIONAL", "GSM"},
		{"transliterate", "OTPGW_LINK_TELE_TRANSLITERATE=quotes", "OTPGW_LINK_TELE_TRANSLITERATE", "on or off"},
		{"service type", "OTPGW_LINK_TELE_SERVICE_TYPE=SIXOCT", "OTPGW_LINK_TELE_SERVICE_TYPE", "5"},
		{"validity", "OTPGW_LINK_TELE_VALIDITY=never", "OTPGW_LINK_TELE_VALIDITY", "absolute"},
		{"sender alphabet", "OTPGW_LINK_TELE_SENDER_ALPHABET=utf8", "OTPGW_LINK_TELE_SENDER_ALPHABET", "ascii"},
		{"TON", "OTPGW_LINK_TELE_SOURCE_TON=256", "OTPGW_LINK_TELE_SOURCE_TON", "0 to 255"},
		{"kind of sender", "OTPGW_LINK_TELE_DEST_NPI=brand:1", "OTPGW_LINK_TELE_DEST_NPI", "name, short or number"},
		{"class", "OTPGW_LINK_TELE_STATUS_CLASSES=0x401:backup", "OTPGW_LINK_TELE_STATUS_CLASSES", "other-link"},
		{"status", "OTPGW_LINK_TELE_STATUS_CLASSES=x:retry", "OTPGW_LINK_TELE_STATUS_CLASSES", "command_status"},
		{"status twice", "OTPGW_LINK_TELE_STATUS_CLASSES=0x58:retry,88:stop", "OTPGW_LINK_TELE_STATUS_CLASSES", "twice"},
		{"trace in no folder", "OTPGW_LINK_TELE_TRACE=" + missing + "/x.pcap", "OTPGW_LINK_TELE_TRACE", "make the folder"},
		{"trace is a folder", "OTPGW_LINK_TELE_TRACE=" + os.TempDir(), "OTPGW_LINK_TELE_TRACE", "a file"},
		{"trace of two links", "OTPGW_LINKS=tele,spare|OTPGW_LINK_SPARE_ADDR=a:1|OTPGW_LINK_SPARE_SYSTEM_ID=x|OTPGW_LINK_TELE_TRACE=t.pcap|OTPGW_LINK_SPARE_TRACE=./t.pcap",
			"OTPGW_LINK_SPARE_TRACE", "link tele"},
		{"trace size", "OTPGW_LINK_TELE_TRACE_SIZE=0", "OTPGW_LINK_TELE_TRACE_SIZE", "1 to 4096"},
		{"TLVs of an app", "OTPGW_APP_SHOP_TLVS=0x1400=zz", "OTPGW_APP_SHOP_TLVS", "hex digits"},

		{"route name", "OTPGW_ROUTES=default,a.b", "OTPGW_ROUTES", "letters, digits"},
		{"prefix not digits", "OTPGW_ROUTE_DEFAULT_PREFIXES=uk", "OTPGW_ROUTE_DEFAULT_PREFIXES", "digits"},
		{"prefix with 00", "OTPGW_ROUTE_DEFAULT_PREFIXES=0044", "OTPGW_ROUTE_DEFAULT_PREFIXES", "country code"},
		{"prefix in two routes", "OTPGW_ROUTES=default,b|OTPGW_ROUTE_DEFAULT_PREFIXES=44|OTPGW_ROUTE_B_PREFIXES=44|OTPGW_ROUTE_B_LINKS=tele", "OTPGW_ROUTE_B_PREFIXES", "of one route"},
		{"two routes for the rest", "OTPGW_ROUTES=default,b|OTPGW_ROUTE_B_LINKS=tele", "OTPGW_ROUTE_B_PREFIXES", "give prefixes"},
		{"unknown link", "OTPGW_ROUTE_DEFAULT_LINKS=tele:0,spare:1", "OTPGW_ROUTE_DEFAULT_LINKS", "OTPGW_LINKS"},
		{"priority", "OTPGW_ROUTE_DEFAULT_LINKS=tele:10", "OTPGW_ROUTE_DEFAULT_LINKS", "to 9"},
		{"application of nobody in a route", "OTPGW_ROUTE_DEFAULT_APPS=shop,bank", "OTPGW_ROUTE_DEFAULT_APPS", "OTPGW_APPS"},
		{"sender that is none", "OTPGW_ROUTE_DEFAULT_SENDERS=AB", "OTPGW_ROUTE_DEFAULT_SENDERS", "3 to 15"},
		{"network in words", "OTPGW_ROUTE_DEFAULT_NETWORKS=Telia", "OTPGW_ROUTE_DEFAULT_NETWORKS", "24007"},
		{"two routes for an application", "OTPGW_ROUTES=default,b|OTPGW_ROUTE_B_LINKS=tele|OTPGW_ROUTE_B_APPS=shop|OTPGW_ROUTE_DEFAULT_APPS=shop", "OTPGW_ROUTE_B_PREFIXES", "for the application shop"},
		{"two routes for a sender's prefix", "OTPGW_ROUTES=default,b|OTPGW_ROUTE_B_LINKS=tele|OTPGW_ROUTE_B_SENDERS=Shop|OTPGW_ROUTE_DEFAULT_SENDERS=Shop|OTPGW_ROUTE_DEFAULT_PREFIXES=44|OTPGW_ROUTE_B_PREFIXES=44", "OTPGW_ROUTE_B_PREFIXES", "44 already for the sender Shop"},
		{"senders of no country", "OTPGW_APP_SHOP_SENDERS_USA=12025550123", "OTPGW_APP_SHOP_SENDERS_USA", "ISO 3166-1"},
		{"sender of a country", "OTPGW_APP_SHOP_SENDERS_US=+123", "OTPGW_APP_SHOP_SENDERS_US", "without +"},
		{"policy", "OTPGW_APP_SHOP_POLICY=strict", "OTPGW_APP_SHOP_POLICY", "nist"},
		{"PIN too short for the policy", "OTPGW_APP_SHOP_POLICY=nist|OTPGW_APP_SHOP_PIN_LENGTH=5", "OTPGW_APP_SHOP_PIN_LENGTH", "give 7"},
		{"TTL too long for the policy", "OTPGW_APP_SHOP_POLICY=nist|OTPGW_APP_SHOP_TTL=601", "OTPGW_APP_SHOP_TTL", "10m0s"},
		{"sender rules", "OTPGW_APP_SHOP_SENDER_RULES=maybe", "OTPGW_APP_SHOP_SENDER_RULES", "enforce"},
		{"entity in India", "OTPGW_APP_SHOP_DLT_ENTITY=Shop", "OTPGW_APP_SHOP_DLT_ENTITY", "10 to 30 digits"},
		{"template id of a language", "OTPGW_APP_SHOP_DLT_TEMPLATE_HI=x", "OTPGW_APP_SHOP_DLT_TEMPLATE_HI", "10 to 30 digits"},
		{"registered text without a variable", "OTPGW_APP_SHOP_DLT_TEXT=Your code is {{pin}}", "OTPGW_APP_SHOP_DLT_TEXT", "{#var#}"},
		{"TLVs of no language", "OTPGW_APP_SHOP_TLVS_HINDI=0x1401=31", "OTPGW_APP_SHOP_TLVS_HINDI", "language tag"},
		{"TLVs of a language", "OTPGW_APP_SHOP_TLVS_HI=0x1401", "OTPGW_APP_SHOP_TLVS_HI", "tag=hex"},
		{"chain", "OTPGW_LINK_TELE_DLT_CHAIN=1101172974420830004,you", "OTPGW_LINK_TELE_DLT_CHAIN", "10 to 30 digits"},
		{"lookup at no URL", "OTPGW_LOOKUP_URL=lookup.example", "OTPGW_LOOKUP_URL", "https://"},
		{"lookup with a password", "OTPGW_LOOKUP_URL=http://u:p@lookup.example/", "OTPGW_LOOKUP_URL", "signed instead"},
		{"lookup by a subject of no cluster", "OTPGW_LOOKUP_SUBJECT=otp.lookup", "OTPGW_LOOKUP_SUBJECT", "OTPGW_NATS_URL"},
		{"lookup by a pattern", "OTPGW_LOOKUP_SUBJECT=otp.*", "OTPGW_LOOKUP_SUBJECT", "wildcards"},
		{"lookup's secret", "OTPGW_LOOKUP_SECRET=x", "OTPGW_LOOKUP_SECRET", "whsec_"},
		{"lookup's time", "OTPGW_LOOKUP_TIMEOUT=1m", "OTPGW_LOOKUP_TIMEOUT", "2s"},
		{"lookup that fails", "OTPGW_LOOKUP_FAIL=shut", "OTPGW_LOOKUP_FAIL", "closed"},
		{"country limit of a day", "OTPGW_APP_SHOP_COUNTRY_LIMITS=GB:5/d", "OTPGW_APP_SHOP_COUNTRY_LIMITS", "GB:500/h"},
		{"country limit of nowhere", "OTPGW_APP_SHOP_COUNTRY_LIMITS=QX:5/h", "OTPGW_APP_SHOP_COUNTRY_LIMITS", "GB:500/h"},
		{"country limit twice", "OTPGW_APP_SHOP_COUNTRY_LIMITS=GB:5/h,gb:6/h", "OTPGW_APP_SHOP_COUNTRY_LIMITS", "twice"},
		{"quota in no zone", "OTPGW_APP_SHOP_QUOTA_ZONE=Sofia", "OTPGW_APP_SHOP_QUOTA_ZONE", "Europe/Sofia"},
		{"weight of 0", "OTPGW_ROUTE_DEFAULT_LINKS=tele:0*0", "OTPGW_ROUTE_DEFAULT_LINKS", "1 to 1000"},
		{"weight in words", "OTPGW_ROUTE_DEFAULT_LINKS=tele*half", "OTPGW_ROUTE_DEFAULT_LINKS", "like carrier:0*3"},
		{"link twice in a route", "OTPGW_ROUTE_DEFAULT_LINKS=tele:0,tele:1", "OTPGW_ROUTE_DEFAULT_LINKS", "twice"},
		{"route without links", "OTPGW_ROUTES=uk|OTPGW_ROUTE_UK_PREFIXES=44", "OTPGW_ROUTE_UK_LINKS", "carrier1:0"},

		{"network", "OTPGW_CALLBACK_ALLOW=10.0.0.0/33", "OTPGW_CALLBACK_ALLOW", "10.0.0.0/8"},
		{"network by name", "OTPGW_CALLBACK_ALLOW=localhost", "OTPGW_CALLBACK_ALLOW", "10.0.0.0/8"},
		{"mapped network", "OTPGW_CALLBACK_ALLOW=::ffff:10.0.0.0/104", "OTPGW_CALLBACK_ALLOW", "IPv4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := loadMap(with(splitChanges(test.change)...))
			var faulty *Error
			if !errors.As(err, &faulty) {
				t.Fatalf("no fault found, error %v", err)
			}
			if len(faulty.Faults) != 1 || faulty.Faults[0].Variable != test.variable || !strings.Contains(faulty.Faults[0].Text, test.says) {
				t.Errorf("want one fault of %s that says %q, got %v", test.variable, test.says, err)
			}
		})
	}
}

// splitChanges takes the NAME=value pairs of a row apart.
func splitChanges(changes string) []string { return strings.Split(changes, "|") }

func TestFaultsTogether(t *testing.T) {
	_, err := loadMap(with("OTPGW_HTTP_ADDR=x", "OTPGW_APP_SHOP_TTL=1", "OTPGW_APP_SHOP_PIN_TYPE=x", "OTPGW_LINK_TELE_WINDOW=0",
		"OTPGW_ROUTE_DEFAULT_LINKS=gone", "OTPGW_CALLBACK_ALLOW=x", "OTPGW_HTP_ADDR=:1"))
	if err == nil {
		t.Fatal("no fault found")
	}
	lines := strings.Split(err.Error(), "\n")
	want := []string{"configuration: 6 faults", "OTPGW_HTTP_ADDR: ", "OTPGW_APP_SHOP_TTL: ", "OTPGW_APP_SHOP_PIN_TYPE: ",
		"OTPGW_LINK_TELE_WINDOW: ", "OTPGW_ROUTE_DEFAULT_LINKS: ", "OTPGW_CALLBACK_ALLOW: ", "warning: "}
	if len(lines) != len(want) {
		t.Fatalf("%d lines:\n%v", len(lines), err)
	}
	for i, prefix := range want {
		if !strings.HasPrefix(lines[i], prefix) {
			t.Errorf("line %d is %q, want %q", i, lines[i], prefix)
		}
	}
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "warning: OTPGW_HTP_ADDR: ") || !strings.HasSuffix(last, "OTPGW_HTTP_ADDR") {
		t.Error(last)
	}
}

func TestWarnings(t *testing.T) {
	for _, test := range []struct{ name, change, variable, says string }{
		{"long password", "OTPGW_LINK_TELE_PASSWORD=123456789", "OTPGW_LINK_TELE_PASSWORD", "9 octets"},
		{"link on no route", "OTPGW_LINKS=tele,spare|OTPGW_LINK_SPARE_ADDR=a:1|OTPGW_LINK_SPARE_SYSTEM_ID=x|OTPGW_ROUTE_DEFAULT_LINKS=tele", "OTPGW_LINKS", "spare"},
		{"creds without cluster", "OTPGW_NATS_CREDS=faults_test.go", "OTPGW_NATS_CREDS", "OTPGW_NATS_URL"},
		{"cluster without key", "OTPGW_NATS_URL=nats://n:4222", "OTPGW_SECRET_KEY", "same key"},
		{"private callback", "OTPGW_APP_SHOP_CALLBACK_URL=http://127.0.0.1:9000/", "OTPGW_APP_SHOP_CALLBACK_URL", "OTPGW_CALLBACK_ALLOW"},
		{"slip", "OTPGW_LOGLEVEL=debug", "OTPGW_LOGLEVEL", "OTPGW_LOG_LEVEL"},
		{"lower case", "otpgw_http_addr=:1", "otpgw_http_addr", "OTPGW_HTTP_ADDR"},
		{"slip in an app's", "OTPGW_APP_SHOP_MAXATTEMPTS=3", "OTPGW_APP_SHOP_MAXATTEMPTS", "OTPGW_APP_SHOP_MAX_ATTEMPTS"},
		{"app not listed", "OTPGW_APP_SHOPS_TTL=60", "OTPGW_APP_SHOPS_TTL", "OTPGW_APPS names nothing"},
		{"link not listed, by file", "OTPGW_LINK_OLD_PASSWORD_FILE=x", "OTPGW_LINK_OLD_PASSWORD_FILE", "OTPGW_LINKS names nothing"},
		{"short key", "OTPGW_APP_SHOP_API_KEYS=a-key-of-at-least-twenty,abc", "OTPGW_APP_SHOP_API_KEYS", "key 2 has 3 characters"},
		{"short client secret", "OTPGW_APP_SHOP_SECRET=abc", "OTPGW_APP_SHOP_SECRET", "openssl rand"},
		{"value in quotes", `OTPGW_APP_SHOP_TEMPLATE="Code {{pin}}"`, "OTPGW_APP_SHOP_TEMPLATE", "otpgw -config"},
		{"language's value in quotes", "OTPGW_APP_SHOP_TEMPLATE_FR='Code {{pin}}'", "OTPGW_APP_SHOP_TEMPLATE_FR", "takes no quotes off"},
		{"slip in the prefix", "OTPGWLINK_TELE_ADDR=a:1", "OTPGWLINK_TELE_ADDR", "OTPGW_LINK_TELE_ADDR"},
		{"slip in the prefix's underscores", "OTP_GW_LINK_TELE_ADDR=a:1", "OTP_GW_LINK_TELE_ADDR", "OTPGW_LINK_TELE_ADDR"},
		{"file of what is no secret", "OTPGW_HTTP_ADDR_FILE=x", "OTPGW_HTTP_ADDR_FILE", "OTPGW_HTTP_ADDR"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := loadMap(with(splitChanges(test.change)...))
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Warnings) != 1 || c.Warnings[0].Variable != test.variable || !strings.Contains(c.Warnings[0].Text, test.says) {
				t.Errorf("want one warning of %s that says %q, got %v", test.variable, test.says, c.Warnings)
			}
		})
	}
}

// TestNotOurs: what others put into the environment is nobody's slip.
func TestNotOurs(t *testing.T) {
	c := mustLoad(t, with("OTPGW_SERVICE_HOST=10.0.0.1", "OTPGW_PORT_8080_TCP_ADDR=10.0.0.1", "OTPGW_NATS_PORT=tcp://10.0.0.1:4222",
		"OTPGW_SERVICE_PORT_HTTP=80", "PATH=/bin", "SMSCSIM_KEEP=1"))
	if len(c.Warnings) != 0 {
		t.Error(c.Warnings)
	}
}

func TestDaemonWithoutLinks(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	c := mustLoad(t, with("OTPGW_LINKS=", "OTPGW_NATS_URL=nats://n:4222", "OTPGW_SECRET_KEY="+key,
		"OTPGW_LINK_TELE_ADDR=", "OTPGW_LINK_TELE_SYSTEM_ID=", "OTPGW_LINK_TELE_PASSWORD="))
	if len(c.Links) != 0 || len(c.Warnings) == 0 || c.Warnings[0].Variable != "OTPGW_LINKS" {
		t.Errorf("links %v, warnings %v", c.Links, c.Warnings)
	}
}
