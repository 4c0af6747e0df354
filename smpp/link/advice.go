package link

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"syscall"

	"github.com/otpgw/otpgw/smpp/internal/session"
	"github.com/otpgw/otpgw/smpp/wire"
)

// advice is what an operator should look at, or ask the carrier, for an error; empty when nobody can do
// anything.
func advice(err error) string {
	var dns *net.DNSError
	var family *net.AddrError
	var status wire.Status
	var refused *session.BindError
	switch {
	case errors.Is(err, session.ErrUnbound):
		return ""
	case errors.As(err, &dns), errors.As(err, &family):
		return "check the host in ADDR, FAMILY, and this machine's resolver"
	case errors.As(err, &refused) && refused.Nack:
		return "the SMSC answers binds by generic_nack: ask the carrier for the kind of bind (BIND) and the INTERFACE_VERSION that it takes, and whether the port is the one for SMPP"
	case errors.As(err, &status):
		return bindAdvice(status)
	case tlsAdvice(err) != "":
		return tlsAdvice(err)
	case errors.Is(err, session.ErrTimeout):
		return "the port is open but nothing speaks SMPP there: ask the carrier for host and port, and whether TLS is expected"
	case errors.Is(err, session.ErrDead):
		return "the SMSC, or a firewall on the way, lets idle connections die: ask the carrier for the enquire_link interval, and set ENQUIRE_LINK below it"
	case errors.Is(err, session.ErrPeerGone), errors.Is(err, syscall.ECONNRESET):
		return "the SMSC closed the connection: ask the carrier whether this machine's address is allowed, and whether TLS is expected"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "SOURCE_ADDR is no address of this machine"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: ask the carrier for host and port, and check firewalls and VPN"
	default:
		return "ask the carrier whether this machine's address is allowed to connect, and check firewalls and VPN"
	}
}

// tlsAdvice is advice for a failed handshake, empty for another error.
func tlsAdvice(err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var plain tls.RecordHeaderError
	var remote *net.OpError // of crypto/tls: an alert from the other side
	switch {
	case errors.As(err, &authority):
		return "the SMSC's certificate is signed by an authority not known here: ask the carrier for it, and name its file in TLS_CA"
	case errors.As(err, &name) && len(name.Certificate.DNSNames)+len(name.Certificate.IPAddresses) == 0:
		return "the SMSC's certificate has its name (" + name.Certificate.Subject.CommonName + ") only in CN, which is not looked at any more (RFC 9525): ask the carrier for one with a subjectAltName"
	case errors.As(err, &name):
		return "the SMSC's certificate is of another name: connect to that name, or set TLS_SERVER_NAME to it when the carrier confirms it"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the SMSC's certificate is out of its time: ask the carrier for a new one, and check this machine's clock"
	case errors.As(err, &invalid):
		return "the SMSC's certificate cannot be used: show the carrier this error"
	case errors.As(err, &plain):
		return "the port does not speak TLS: ask the carrier for the TLS port, or set TLS=off when none is wanted"
	case errors.As(err, &remote) && remote.Op == "remote error":
		return "the SMSC refused the handshake: ask the carrier which certificate it wants from us (TLS_CERT, TLS_KEY), and which TLS versions"
	case errors.Is(err, errTLS):
		return "the handshake was broken off: ask the carrier whether TLS is expected on this port, and whether our address is allowed"
	}
	return ""
}

// errTLS marks what went wrong in a handshake.
var errTLS = errors.New("smpp: TLS")

func bindAdvice(s wire.Status) string {
	switch s {
	case wire.StatusInvPaswd, wire.StatusInvSysID:
		return "ask the carrier to confirm SYSTEM_ID and PASSWORD, and whether the account is enabled for this address"
	case wire.StatusAlreadyBound:
		return "the account is bound already: ask how many binds are allowed, and whether an old connection still counts"
	case wire.StatusInvSysTyp:
		return "ask the carrier which SYSTEM_TYPE to use"
	case wire.StatusInvSerTyp:
		return "ask the carrier which SERVICE_TYPE to use"
	case wire.StatusBindFail:
		return "the SMSC refuses the bind for now: mostly an old connection still counts; if it lasts, ask how many binds are allowed, of which kind, and from which address"
	default:
		return "ask the carrier what " + s.String() + " means for this account: bind type, number of binds, address"
	}
}
