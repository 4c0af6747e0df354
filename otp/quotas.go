package otp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/otpgw/otpgw/otp/quota"
	"github.com/otpgw/otpgw/queue"
)

// Quotas are what an application may use up in calendar periods. Zero fields bound nothing.
type Quotas struct {
	Day, Month             int64          // messages, those sent again included
	DayBudget, MonthBudget float64        // money, by OTPGW_PRICES
	Zone                   *time.Location // of days and months; nil: UTC
	Countries              []CountryLimit // messages in an hour
}

// CountryLimit bounds what is sent to a country in an hour of the clock.
type CountryLimit struct {
	Country string
	Max     int64
}

// The callbacks that tell that 80 % of a quota are used up, and that all is.
const (
	QuotaAlert EventKind = "quota_alert"
	GuardAlert EventKind = "guard_alert" // of a country's
)

// moneyUnit is what a budget is counted in: millionths of the price list's money.
const moneyUnit = 1e6

// QuotaState is how one quota of an application stands.
type QuotaState struct {
	App     string    `json:"app"`
	Quota   string    `json:"quota"` // day, month, day_budget, month_budget, or a country
	Max     float64   `json:"limit"`
	Used    float64   `json:"used"`
	Percent float64   `json:"percent"`
	Until   time.Time `json:"until"`
}

// keeper is made at the first use, when the service's fields are set.
type keeper struct {
	once sync.Once
	quota.Keeper
}

func (s *Service) keeper() *quota.Keeper {
	s.quotas.once.Do(func() {
		s.quotas.Keeper = quota.Keeper{Queue: s.Queue, Now: s.now, Reached: s.quotaReached}
	})
	return &s.quotas.Keeper
}

// bound is a quota of an application: of messages, of money, or of a country.
type bound struct {
	quota.Quota
	name    string
	unit    float64
	country string
}

// bounds are the quotas of an application. Their names in the store are behind its own, which has no dot.
func (q Quotas) bounds(app string) (all []bound) {
	for _, b := range []struct {
		name   string
		period quota.Period
		max    float64
		unit   float64
	}{
		{"day", quota.Day, float64(q.Day), 1}, {"month", quota.Month, float64(q.Month), 1},
		{"day_budget", quota.Day, q.DayBudget, moneyUnit}, {"month_budget", quota.Month, q.MonthBudget, moneyUnit},
	} {
		if b.max > 0 {
			all = append(all, bound{quota.Quota{Name: b.name + "." + app, Period: b.period, Zone: q.Zone, Max: int64(math.Round(b.max * b.unit))}, b.name, b.unit, ""})
		}
	}
	for _, c := range q.Countries {
		all = append(all, bound{quota.Quota{Name: c.Country + "." + app, Period: quota.Hour, Max: c.Max}, c.Country, 1, c.Country})
	}
	return all
}

// takeQuotas uses up what one more message of a record does; back gives it back. A message to a test number
// uses nothing.
func (s *Service) takeQuotas(ctx context.Context, app *App, r *Record) (back func(), err error) {
	bounds := app.Quotas.bounds(app.Name)
	if len(bounds) == 0 || r.Test {
		return func() {}, nil
	}
	var uses []quota.Use
	for _, b := range bounds {
		if n := b.takes(r.Country, r.Price*float64(r.Parts)); n > 0 {
			uses = append(uses, quota.Use{Quota: b.Quota, N: n})
		}
	}
	back, err = s.keeper().Take(ctx, uses)
	var over *quota.Exceeded
	if !errors.As(err, &over) {
		return back, storeErrorOrNil(err)
	}
	at := slices.IndexFunc(bounds, func(b bound) bool { return b.Name == over.Name })
	return back, bounds[at].exceeded(over.Until)
}

// takes is how much of it one message takes.
func (b bound) takes(to string, cost float64) int64 {
	switch {
	case b.country != "" && b.country != to:
		return 0
	case b.unit == moneyUnit:
		return int64(math.Round(cost * moneyUnit))
	}
	return 1
}

func (b bound) exceeded(until time.Time) error {
	e := &Error{Code: CodeQuota, Reset: until, Limit: int(b.Max)}
	switch {
	case b.country != "":
		e.Code, e.Message = CodeCountryLimit, fmt.Sprintf("The application's messages to %s of this hour are used up: %d", b.country, b.Max)
	case b.unit == moneyUnit:
		e.Code, e.Limit = CodeBudget, int(math.Ceil(float64(b.Max)/moneyUnit))
		e.Message = fmt.Sprintf("The application's budget of this %s is used up: %g", b.Period, float64(b.Max)/moneyUnit)
	default:
		e.Message = fmt.Sprintf("The application's messages of this %s are used up: %d", b.Period, b.Max)
	}
	return e
}

// quotaReached tells the application, in the transaction that comes to a level, and so once.
func (s *Service) quotaReached(tx *queue.Tx, q quota.Quota, percent int64, until time.Time) {
	name, appName, _ := strings.Cut(q.Name, ".")
	kind, limit := QuotaAlert, float64(q.Max)
	if strings.HasSuffix(name, "_budget") {
		limit /= moneyUnit
	}
	if q.Period == quota.Hour {
		kind = GuardAlert
	}
	s.Log.Warn().Str("app", appName).Str("quota", name).Float64("limit", limit).Int64("percent", percent).Time("until", until).Msg("a quota is used up, or will be soon")
	app := s.app(appName)
	if app == nil || app.CallbackURL == "" {
		return
	}
	m, err := Notice{ID: uuid.NewString(), App: appName, URL: app.CallbackURL, Kind: kind, Item: quotaItem{
		Quota: name, Percent: percent, Max: limit, Until: until.UTC(), Datetime: s.now().UTC().Truncate(time.Second)}}.message()
	if err != nil {
		s.Log.Error().Err(err).Msg("the application is not told of its quota")
		return
	}
	tx.Message(m)
}

// quotaItem is the item of a quota_alert, or of a guard_alert.
type quotaItem struct {
	Quota    string    `json:"quota"`
	Percent  int64     `json:"percent"`
	Max      float64   `json:"limit"`
	Until    time.Time `json:"until"`
	Datetime time.Time `json:"datetime"`
}

// QuotaStates are the quotas of all applications.
func (s *Service) QuotaStates() ([]QuotaState, error) {
	states := []QuotaState{}
	for _, app := range s.present() {
		for _, b := range app.Quotas.bounds(app.Name) {
			used, until, err := s.keeper().Used(b.Quota)
			if err != nil {
				return nil, storeError(err)
			}
			states = append(states, QuotaState{App: app.Name, Quota: b.name, Max: float64(b.Max) / b.unit, Used: float64(used) / b.unit,
				Percent: math.Round(1000*float64(used)/float64(b.Max)) / 10, Until: until})
		}
	}
	return states, nil
}

// giveBackTime bounds the end of RunQuotas.
const giveBackTime = 2 * time.Second

// RunQuotas gives back at the end of ctx what this daemon has of quotas and has not used.
func (s *Service) RunQuotas(ctx context.Context) error {
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTime)
	defer cancel()
	return s.keeper().Close(ctx)
}
