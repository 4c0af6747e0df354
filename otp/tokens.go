package otp

import (
	"context"

	"github.com/otpgw/otpgw/otp/token"
)

func (s *Service) tokens() *token.Keeper {
	return &token.Keeper{Queue: s.Queue, Box: s.Box, Now: s.now}
}

// IssueToken makes an access token for an application. It is good on every daemon when this returns.
func (s *Service) IssueToken(ctx context.Context, app *App, scope string) (string, error) {
	text, err := s.tokens().Issue(ctx, app.Name, scope)
	return text, storeErrorOrNil(err)
}

// FindToken is what a presented token stands for; false for one that is not good, or no more.
func (s *Service) FindToken(ctx context.Context, text string) (token.Token, bool, error) {
	t, good, err := s.tokens().Find(ctx, text)
	return t, good, storeErrorOrNil(err)
}

// RevokeToken ends an application's token. false: it is another's.
func (s *Service) RevokeToken(ctx context.Context, app *App, text string) (bool, error) {
	own, err := s.tokens().Revoke(ctx, app.Name, text)
	return own, storeErrorOrNil(err)
}
