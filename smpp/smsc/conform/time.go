package conform

import (
	"errors"
	"fmt"
	"time"
)

// ErrTime is a time that is none.
var ErrTime = errors.New("smpp: is neither empty, nor YYMMDDhhmmsstnnp (SMPP 3.4, 7.1.1)")

const (
	timeLen      = 16
	absolute     = "060102150405"
	quarter      = 15 * time.Minute // the unit of nn
	maxQuarters  = 48
	maxMonths    = 12
	maxMonthDays = 31
)

// ParseTime reads a schedule_delivery_time or validity_period (SMPP 3.4, 7.1.1): absolute, with the quarters
// of an hour that local time is before or behind UTC, or relative to now. Empty is no time, the zero one.
func ParseTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if len(s) != timeLen {
		return time.Time{}, ErrTime
	}
	var n [8]int // YY MM DD hh mm ss t nn
	for i, w := 0, 0; i < len(n); i++ {
		width := 2
		if i == 6 {
			width = 1
		}
		for range width {
			c := s[w]
			if c < '0' || c > '9' {
				return time.Time{}, ErrTime
			}
			n[i], w = n[i]*10+int(c-'0'), w+1
		}
	}
	tenth := time.Duration(n[6]) * 100 * time.Millisecond
	offset := time.Duration(n[7]) * quarter
	switch s[timeLen-1] {
	case 'R':
		return relative(n, now)
	case '+':
		offset = -offset
	case '-':
	default:
		return time.Time{}, ErrTime
	}
	t, err := time.Parse(absolute, s[:12])
	if err != nil || n[7] > maxQuarters {
		return time.Time{}, fmt.Errorf("%w: there is no such day or hour", ErrTime)
	}
	return t.Add(tenth + offset), nil
}

// relative is now and so many years, months, days, hours, minutes and seconds; t and nn are 0.
func relative(n [8]int, now time.Time) (time.Time, error) {
	if n[1] > maxMonths || n[2] > maxMonthDays || n[3] > 23 || n[4] > 59 || n[5] > 59 || n[6] != 0 || n[7] != 0 {
		return time.Time{}, fmt.Errorf("%w: a relative one is over its bounds", ErrTime)
	}
	clock := time.Duration(n[3])*time.Hour + time.Duration(n[4])*time.Minute + time.Duration(n[5])*time.Second
	return now.AddDate(n[0], n[1], n[2]).Add(clock), nil
}
