package otp

// willing is CodeOptedOut when a number wants no messages of the application.
func (s *Service) willing(app *App, e164 string) error {
	if s.OptedOut == nil {
		return nil
	}
	out, err := s.OptedOut(app.Name, e164)
	switch {
	case err != nil:
		return storeError(err)
	case out:
		return &Error{Code: CodeOptedOut, Message: "The phone number wants no messages: its owner wrote STOP, and may write START"}
	}
	return nil
}
