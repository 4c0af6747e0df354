package otp

// willing is CodeDoNotSend when the operator sends nothing to a number, and CodeOptedOut when the number
// wants no messages of the application.
func (s *Service) willing(app *App, e164 string) error {
	if err := s.listed(e164); err != nil {
		return err
	}
	return s.optedOut(app, e164)
}

func (s *Service) listed(e164 string) error {
	if s.DoNotSend == nil {
		return nil
	}
	never, err := s.DoNotSend(e164)
	switch {
	case err != nil:
		return storeError(err)
	case never:
		return &Error{Code: CodeDoNotSend, Message: "No messages are sent to this phone number: it is on the operator's do-not-send list"}
	}
	return nil
}

func (s *Service) optedOut(app *App, e164 string) error {
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
