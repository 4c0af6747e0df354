package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/otpgw/otpgw/smpp/wire"
)

// BindError is a bind that the SMSC refused.
type BindError struct {
	Status wire.Status
	Nack   bool // by a generic_nack: it did not understand the request
}

func (e *BindError) Error() string {
	if e.Nack {
		return fmt.Sprintf("smpp: bind answered by generic_nack: %s", e.Status)
	}
	return fmt.Sprintf("smpp: bind refused: %s", e.Status)
}

func refusal(f wire.Frame) error { return &BindError{f.Status, f.Command == wire.GenericNack} }

func isBind(cmd wire.Command) bool {
	return cmd == wire.BindTransceiver || cmd == wire.BindTransmitter || cmd == wire.BindReceiver
}

// Unwrap gives the status.
func (e *BindError) Unwrap() error { return e.Status }

// Bind sends bind_transmitter, bind_receiver or bind_transceiver, as cmd says, and waits for the answer. A
// status other than OK is a *BindError, and ends the session. Run must be running.
func (s *Session) Bind(ctx context.Context, cmd wire.Command, b wire.Bind) (wire.BindResp, error) {
	f, err := s.roundTrip(ctx, cmd, b)
	if errors.Is(err, ErrTimeout) {
		return wire.BindResp{}, fmt.Errorf("%w: the SMSC took the connection but does not answer %s", ErrTimeout, cmd)
	}
	if err != nil {
		return wire.BindResp{}, err
	}
	if f.Status != wire.StatusOK {
		return wire.BindResp{}, refusal(f)
	}
	s.SetBound()
	return wire.DecodeBindResp(f), nil
}
