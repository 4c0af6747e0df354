package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The kinds of error a caller can act on; match with errors.Is.
var (
	ErrNotFound    = errors.New("queue: not found")
	ErrConflict    = errors.New("queue: changed by another")               // compare-and-set lost; read again
	ErrFull        = errors.New("queue: full")                             // at its bound; nothing was stored
	ErrUnavailable = errors.New("queue: store unavailable")                // not reached, or its outcome is unknown
	ErrUnknown     = errors.New("queue: outcome unknown")                  // with ErrUnavailable: it may have been stored
	ErrStopped     = errors.New("queue: puller stopped")                   // Next after Stop
	ErrExpired     = errors.New("queue: message has expired")              // nothing was stored
	ErrInUse       = errors.New("queue: data directory is in use")         // another process has the embedded store open
	ErrVersion     = errors.New("queue: the NATS server is too old")       // see oldestServer
	ErrName        = errors.New("queue: not usable in a key or a subject") // see Token
)

// Codes of the server that have no constant in nats.go (nats-server errors.json).
const (
	codeStoreFailed           jetstream.ErrorCode = 10077 // a bound of the stream, or the disk: told apart by text
	codeInsufficientResources jetstream.ErrorCode = 10023 // a bound of the account or the server
	codeStorageExceeded       jetstream.ErrorCode = 10047
	codeNoPeers               jetstream.ErrorCode = 10005 // no suitable peers for placement
)

// errUndecided: a write is under way and may yet succeed.
var errUndecided = errors.New("an earlier attempt is under way")

// classify turns an error of the client library into one of this package's; the original stays in the chain.
func classify(err error) error {
	if err == nil || isOurs(err) {
		return err
	}
	if isConflict(err) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	if isFull(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if isTransient(err) || errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

func isOurs(err error) bool {
	for _, e := range []error{ErrNotFound, ErrConflict, ErrFull, ErrUnavailable} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// isConflict: 10071 from a single server, 10164 from a replicated stream.
func isConflict(err error) bool {
	code := apiCode(err)
	return code == jetstream.JSErrCodeStreamWrongLastSequence || code == jetstream.JSErrCodeStreamWrongLastSequenceConstant
}

func isFull(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode {
	case codeStoreFailed:
		return strings.Contains(api.Description, "maximum")
	case codeInsufficientResources, codeStorageExceeded:
		return true
	}
	return false
}

// isTransient: trying again may help, and the attempt may or may not have been carried out.
func isTransient(err error) bool {
	for _, e := range []error{context.DeadlineExceeded, context.Canceled, nats.ErrTimeout, nats.ErrNoResponders,
		jetstream.ErrNoStreamResponse, nats.ErrConnectionReconnecting, nats.ErrDisconnected, nats.ErrReconnectBufExceeded,
		nats.ErrStaleConnection, jetstream.ErrInvalidJSAck, io.EOF, errUndecided} {
		if errors.Is(err, e) {
			return true
		}
	}
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code == 503 && !isFull(err)
}

func apiCode(err error) jetstream.ErrorCode {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.ErrorCode
	}
	return 0
}
