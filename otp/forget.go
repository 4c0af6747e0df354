package otp

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/otpgw/otpgw/queue"
)

// Forget erases what is kept of a telephone number in the store, over all applications and daemons, and
// returns the ids of the OTPs that are no more: their records with all that belongs to them, messages that
// wait, what the number's limits count, and answers to requests that may come again. A PIN that was not used
// yet is good no more. What the guard counts tells no number.
func (s *Service) Forget(ctx context.Context, e164 string) (ids []string, err error) {
	var found []*Record
	err = s.Queue.Records().Each(ctx, func(id string, value []byte) bool {
		if bytes.Contains(value, []byte(e164)) {
			if r, err := decodeRecord(id, value); err == nil && r.Phone == e164 && !slices.ContainsFunc(found, func(f *Record) bool { return f.ID == id }) {
				found = append(found, r)
			}
		}
		return true
	})
	if err != nil {
		return nil, storeError(err)
	}
	for _, r := range found {
		if err := s.Queue.Commit(ctx, s.forgetting(r)); err != nil {
			return nil, storeError(err)
		}
		ids = append(ids, r.ID)
	}
	if err := s.forgetMessages(ctx, e164); err != nil {
		return nil, storeError(err)
	}
	if err := s.forgetUses(ctx, e164); err != nil {
		return nil, storeError(err)
	}
	return ids, storeErrorOrNil(s.forgetAnswers(ctx, ids))
}

// forgetting takes a record out with all that is stored under its id, and those of its messages.
func (s *Service) forgetting(r *Record) *queue.Tx {
	tx := s.Queue.Begin().Delete(s.Queue.Records(), r.ID).NoTimer(r.ID).NoTimer(r.ID+resendSuffix).
		Delete(s.Queue.Holds(), r.ID).Delete(s.Queue.Told(), r.ID)
	for _, id := range append([]string{r.Message}, messageIDs(r.Others)...) {
		tx.Delete(s.Queue.Sent(), id)
	}
	return tx
}

func messageIDs(messages []sentMessage) (ids []string) {
	for _, m := range messages {
		ids = append(ids, m.ID)
	}
	return ids
}

// forgetMessages takes the messages to a number off the routes, those of OTPs whose records are gone
// included.
func (s *Service) forgetMessages(ctx context.Context, e164 string) error {
	for _, route := range s.Queue.Routes() {
		work := s.Queue.SMS(route)
		tx := s.Queue.Begin()
		err := work.Each(ctx, func(m queue.Message) bool {
			if o, err := queue.ParseOutbound(m.Data); err == nil && o.To == e164 {
				tx.Drop(work, m.Key)
			}
			return true
		})
		if err == nil {
			err = s.Queue.Commit(ctx, tx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetUses forgets what is counted for a number, and which code of it is the newest.
func (s *Service) forgetUses(ctx context.Context, e164 string) error {
	tx := s.Queue.Begin()
	apps := s.present()
	for i := range apps {
		for _, what := range []usage{sends, tries} {
			tx.Delete(s.Queue.Numbers(), s.counted(&apps[i], use{what: what, who: e164}).Key)
		}
		if err := s.Queue.Answers().Delete(ctx, s.Box.Name("newest:"+apps[i].Name, e164)); err != nil {
			return err
		}
	}
	return s.Queue.Commit(ctx, tx)
}

// answersPage is how many answers are looked through; more are a day's work of thousands of OTPs a second.
const answersPage = 1_000_000

// forgetAnswers forgets the answers that would be given again to requests for OTPs that are no more.
func (s *Service) forgetAnswers(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	answers, err := s.Queue.Answers().List(ctx, answersPage)
	if err != nil {
		return err
	}
	for _, a := range answers {
		var first firstRequest
		if json.Unmarshal(a.Value, &first) == nil && slices.Contains(ids, first.OtpID) {
			if err := s.Queue.Answers().Delete(ctx, a.Key); err != nil {
				return err
			}
		}
	}
	return nil
}
