package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/otpgw/otpgw/smpp/wire"
)

// BindError is a bind that the SMSC refused.
type BindError struct{ Status wire.Status }

func (e *BindError) Error() string { return fmt.Sprintf("smpp: bind refused: %s", e.Status) }

// Unwrap gives the status.
func (e *BindError) Unwrap() error { return e.Status }

// Bind sends bind_transmitter, bind_receiver or bind_transceiver, as cmd says, and waits for the answer. A status other
// than OK is a *BindError. Run must be running.
func (s *Session) Bind(ctx context.Context, cmd wire.Command, b wire.Bind) (wire.BindResp, error) {
	f, err := s.roundTrip(ctx, cmd, b)
	if errors.Is(err, ErrTimeout) {
		return wire.BindResp{}, fmt.Errorf("%w: the SMSC took the connection but does not answer %s", ErrTimeout, cmd)
	}
	if err != nil {
		return wire.BindResp{}, err
	}
	if f.Status != wire.StatusOK {
		return wire.BindResp{}, &BindError{f.Status}
	}
	s.SetBound()
	return wire.DecodeBindResp(f), nil
}
