package phone

import (
	"regexp"
	"strconv"
)

// renumbering is a change of a country's numbers that address books have not followed: the old form, of a
// national number, and what it is today. libphonenumber refuses most old forms and takes some beside the new
// ones, and a limit by number would then see two of them.
type renumbering struct {
	old   *regexp.Regexp
	today string
}

// renumbered is by country calling code. Each old form is one that no number of today has.
var renumbered = map[int][]renumbering{
	52:  {{regexp.MustCompile(`^(?:1|04[45]|0[12])(\d{10})$`), "$1"}},  // Mexico, August 2019: no 1, 044, 045 before mobile numbers
	54:  {{regexp.MustCompile(`^9(\d{2,4})15(\d{6,8})$`), "9$1$2"}},    // Argentina: 9 from abroad or 15 from within, never both
	55:  {{regexp.MustCompile(`^([1-9]{2})([689]\d{7})$`), "${1}9$2"}}, // Brazil, 2012 to 2016: a ninth digit
	56:  {{regexp.MustCompile(`^0(9\d{8})$`), "$1"}},                   // Chile, 2015: 09 is 9
	84:  vietnam,                                                       // Vietnam, September 2018: ten digits, not eleven
	225: ivoryCoast,                                                    // Ivory Coast, January 2021: ten digits, not eight
	229: {{regexp.MustCompile(`^(\d{8})$`), "01$1"}},                   // Benin, November 2024: 01 before all
	241: gabon,                                                         // Gabon, 2019: eight digits, not seven
	377: {{regexp.MustCompile(`^(4[45]\d{6})$`), "+383$1"}},            // Kosovo under Monaco's code, until 2017
	386: {{regexp.MustCompile(`^(4[39]\d{6})$`), "+383$1"}},            // Kosovo under Slovenia's
}

var vietnam = []renumbering{
	{regexp.MustCompile(`^120(\d{7})$`), "70$1"}, {regexp.MustCompile(`^121(\d{7})$`), "79$1"},
	{regexp.MustCompile(`^122(\d{7})$`), "77$1"}, {regexp.MustCompile(`^126(\d{7})$`), "76$1"},
	{regexp.MustCompile(`^128(\d{7})$`), "78$1"}, {regexp.MustCompile(`^12([345])(\d{7})$`), "8$1$2"},
	{regexp.MustCompile(`^127(\d{7})$`), "81$1"}, {regexp.MustCompile(`^129(\d{7})$`), "82$1"},
	{regexp.MustCompile(`^16([2-9])(\d{7})$`), "3$1$2"}, {regexp.MustCompile(`^18([68])(\d{7})$`), "5$1$2"},
	{regexp.MustCompile(`^199(\d{7})$`), "59$1"},
}

// The second digit was that of the operator: Moov, MTN, Orange.
var ivoryCoast = []renumbering{
	{regexp.MustCompile(`^([04-9][0-3]\d{6})$`), "01$1"},
	{regexp.MustCompile(`^([04-9][4-6]\d{6})$`), "05$1"},
	{regexp.MustCompile(`^([04-9][7-9]\d{6})$`), "07$1"},
}

var gabon = []renumbering{
	{regexp.MustCompile(`^0?([256]\d{6})$`), "6$1"},
	{regexp.MustCompile(`^0?([47]\d{6})$`), "7$1"},
	{regexp.MustCompile(`^0?(1\d{6})$`), "1$1"},
}

// today is the number of today, with "+", of one that was renumbered.
func today(code int, national string) (string, bool) {
	for _, change := range renumbered[code] {
		if !change.old.MatchString(national) {
			continue
		}
		number := change.old.ReplaceAllString(national, change.today)
		if !isInternational(number) {
			number = "+" + strconv.Itoa(code) + number
		}
		return number, true
	}
	return "", false
}
