package server

import (
	"context"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc/conform"
	"github.com/otpgw/otpgw/smpp/wire"
)

// breach is the first rule of package conform that a request breaks, nil for none, or when the server is
// lenient.
func (b *bind) breach(f wire.Frame) *conform.Breach {
	if b.srv.cfg.Lenient {
		return nil
	}
	breach := conform.Check(f, time.Now())
	if breach != nil {
		b.log.Info().Stringer("command", f.Command).Stringer("status", breach.Status).Str("field", breach.Field).
			Str("reason", breach.Why).Msg("refused")
	}
	return breach
}

// obeys refuses a request that breaks a rule.
func (b *bind) obeys(ctx context.Context, f wire.Frame) bool {
	breach := b.breach(f)
	if breach == nil {
		return true
	}
	switch f.Command {
	case wire.SubmitSM, wire.DataSM, wire.SubmitMulti:
		b.refuse(ctx, f, breach.Status)
	default:
		b.respond(ctx, f, breach.Status, nil)
	}
	return false
}

// version33 is the last interface_version of SMPP 3.3 (SMPP 3.4, 5.2.4).
const version33 = 0x33

// old reports whether a bind speaks SMPP 3.3, which has no optional parameters. 0 is a client that says
// nothing.
func (b *bind) old() bool { return b.version > 0 && b.version <= version33 }
