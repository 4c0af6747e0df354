package session

import (
	"context"
	"errors"
	"time"

	"github.com/otpgw/otpgw/smpp/wire"
)

// keepalive sends an enquire_link when nothing came or nothing went for the configured time (SMPP 3.4, 7.2).
// Any PDU that comes counts as life, not only the answer.
func (s *Session) keepalive(ctx context.Context) error {
	timer := time.NewTimer(s.opts.EnquireLink)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		quiet := time.Duration(s.age() - min(s.lastRead.Load(), s.lastWrite.Load()))
		if rest := s.opts.EnquireLink - quiet; rest > 0 {
			timer.Reset(rest)
			continue
		}
		asked := s.age()
		_, err := s.roundTrip(ctx, wire.EnquireLink, wire.RawBody(nil))
		if errors.Is(err, ErrTimeout) && s.lastRead.Load() < asked {
			return ErrDead
		}
		timer.Reset(s.opts.EnquireLink)
	}
}
