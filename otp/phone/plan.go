package phone

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
)

// plan is the numbering plan of a country, or of a calling code of none: libphonenumber's metadata, asked as
// its GetRegionCodeForNumber and GetNumberType ask it. They would write each pattern out anew to find it
// compiled, match it twice, and ask for the country twice.
type plan struct {
	country string
	trunk   *pattern // that may begin what is dialled within the country; nil for none
	leading *pattern // that begins the numbers of this country among those with its code; nil: any that is valid
	general *pattern
	kinds   []kind // in the order that they count, but for the two below
	fixed   *pattern
	mobile  *pattern // fixed, where they are the same
}

type kind struct {
	of      phonenumbers.PhoneNumberType
	numbers *pattern
}

// plans are by calling code, that of the code's main country first. They are read with the first number.
var plans = sync.OnceValue(readPlans)

func readPlans() map[int][]*plan {
	collection, err := phonenumbers.MetadataCollection()
	if err != nil {
		panic(err) // it is part of the program
	}
	countries, others := make(map[string]*plan), make(map[int]*plan)
	for _, m := range collection.GetMetadata() {
		if p := planOf(m); p.country == nonGeographic {
			others[int(m.GetCountryCode())] = p
		} else {
			countries[p.country] = p
		}
	}
	all := make(map[int][]*plan)
	for code := range phonenumbers.GetSupportedCallingCodes() {
		for _, country := range phonenumbers.GetRegionCodesForCountryCode(code) {
			p := countries[country]
			if country == nonGeographic {
				p = others[code]
			}
			all[code] = append(all[code], p)
		}
	}
	return all
}

func planOf(m *phonenumbers.PhoneMetadata) *plan {
	p := &plan{country: m.GetId(), trunk: prefix(m.GetNationalPrefixForParsing()), leading: prefix(m.GetLeadingDigits()),
		general: whole(m.GetGeneralDesc()), fixed: whole(m.GetFixedLine()), mobile: whole(m.GetMobile())}
	if m.GetSameMobileAndFixedLinePattern() {
		p.mobile = p.fixed
	}
	for _, k := range []kind{
		{phonenumbers.PREMIUM_RATE, whole(m.GetPremiumRate())},
		{phonenumbers.TOLL_FREE, whole(m.GetTollFree())},
		{phonenumbers.SHARED_COST, whole(m.GetSharedCost())},
		{phonenumbers.VOIP, whole(m.GetVoip())},
		{phonenumbers.PERSONAL_NUMBER, whole(m.GetPersonalNumber())},
		{phonenumbers.PAGER, whole(m.GetPager())},
		{phonenumbers.UAN, whole(m.GetUan())},
		{phonenumbers.VOICEMAIL, whole(m.GetVoicemail())},
	} {
		if k.numbers != nil {
			p.kinds = append(p.kinds, k)
		}
	}
	return p
}

// kind is UNKNOWN for what is no number of the plan.
func (p *plan) kind(national string) phonenumbers.PhoneNumberType {
	if !p.general.matches(national) {
		return phonenumbers.UNKNOWN
	}
	for _, k := range p.kinds {
		if k.numbers.matches(national) {
			return k.of
		}
	}
	switch fixed, mobile := p.fixed.matches(national), p.mobile.matches(national); {
	case fixed && mobile:
		return phonenumbers.FIXED_LINE_OR_MOBILE
	case fixed:
		return phonenumbers.FIXED_LINE
	case mobile:
		return phonenumbers.MOBILE
	}
	return phonenumbers.UNKNOWN
}

// identify finds whose number it is, and of what kind: UNKNOWN for nobody's.
func identify(code int, national string) (country string, k phonenumbers.PhoneNumberType) {
	all := plans()[code]
	for _, p := range all {
		if len(all) > 1 && p.leading != nil && !p.leading.matches(national) {
			continue
		}
		if k = p.kind(national); k != phonenumbers.UNKNOWN || p.leading != nil {
			return p.country, k
		}
	}
	return "", phonenumbers.UNKNOWN
}

// split parts the code from a number in plain E.164, as libphonenumber's Parse does after four patterns that
// such a number is sure to pass. False for any other, and for one in which a trunk prefix might stand.
func split(digits string) (code int, national string, ok bool) {
	rest, international := strings.CutPrefix(digits, "+")
	if !international || strings.HasPrefix(rest, "0") {
		return 0, "", false
	}
	for i := 0; i < min(len(rest), 3); i++ {
		code = code*10 + int(rest[i]-'0')
		if all := plans()[code]; len(all) > 0 {
			national = rest[i+1:]
			ok = len(national) >= phonenumbers.MIN_LENGTH_FOR_NSN && len(national) <= phonenumbers.MAX_LENGTH_FOR_NSN && !all[0].trunk.matches(national)
			return code, national, ok
		}
	}
	return 0, "", false
}

// pattern is one of the metadata's, compiled when it is first asked, for most never are. Nil matches nothing.
type pattern struct {
	lengths []int32 // of the numbers it is for; empty for any
	source  string

	once     sync.Once
	compiled *regexp.Regexp
}

// whole is for whole numbers; nil where a plan has none of the kind.
func whole(d *phonenumbers.PhoneNumberDesc) *pattern {
	if d == nil || slices.Equal(d.GetPossibleLength(), []int32{-1}) {
		return nil
	}
	return &pattern{lengths: d.GetPossibleLength(), source: "^(?:" + d.GetNationalNumberPattern() + ")$"}
}

// prefix is for what numbers begin with.
func prefix(source string) *pattern {
	if source == "" {
		return nil
	}
	return &pattern{source: "^(?:" + source + ")"}
}

func (p *pattern) matches(national string) bool {
	if p == nil || len(p.lengths) > 0 && !slices.Contains(p.lengths, int32(len(national))) {
		return false
	}
	p.once.Do(func() { p.compiled = regexp.MustCompile(p.source) })
	return p.compiled.MatchString(national)
}
