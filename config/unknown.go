package config

import (
	"regexp"
	"strings"
)

const ourPrefix = "OTPGW_"

// orchestrated are the variables that Kubernetes puts into every container for a Service named otpgw or
// otpgw-something; nobody has mistyped them.
var orchestrated = regexp.MustCompile(`^OTPGW_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)$`)

// cleanNames takes variable names, or os.Environ's NAME=value, and returns the names of ours once each.
func cleanNames(environ []string) []string {
	seen := make(map[string]bool)
	var names []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if looksOurs(name) && !seen[name] && !orchestrated.MatchString(name) {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// looksOurs tells a name that is of ours, or a slip of one: OTPGWLINK_A_ADDR, OTP_GW_LINKS, otpgw_apps.
func looksOurs(name string) bool {
	letters := strings.ReplaceAll(strings.ToUpper(name), "_", "")
	return strings.HasPrefix(letters, strings.TrimSuffix(ourPrefix, "_")) && len(letters) >= len(ourPrefix)
}

// warnUnknown reports the names that nothing reads. A slip of typing is the commonest fault of all, and
// without this it shows as a default that nobody asked for.
func warnUnknown(out *report, names []string, k known) {
	candidates := k.sortedNames()
	for _, name := range names {
		if _, ok := k[name]; ok {
			continue
		}
		near := nearest(name, candidates)
		if list, owner := missingOwner(name, k); list != "" {
			out.warn(name, "is not read: %s names nothing whose variables begin with %s; the nearest known name is %s", list, owner, near)
		} else {
			out.warn(name, "is not read; the nearest known name is %s", near)
		}
	}
}

// missingOwner recognises a variable of an application, link or route that its list does not name.
func missingOwner(name string, k known) (list, owner string) {
	for _, v := range Variables {
		group, key := v.group()
		if group == "" || !strings.HasPrefix(name, group) {
			continue
		}
		stem, ok := strings.CutSuffix(strings.TrimSuffix(name, fileSuffix), "_"+key)
		if !ok || len(stem) <= len(group) {
			continue
		}
		if _, named := k[stem+"_"+key]; !named {
			return listOf(group), stem + "_"
		}
	}
	return "", ""
}

// nearest returns the candidate at the least edit distance, letter case not counted; the first of equals.
func nearest(name string, candidates []string) string {
	best, bestDistance := "", len(name)+64
	for _, candidate := range candidates {
		if d := distance(strings.ToUpper(name), candidate); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance is Levenshtein's: the insertions, deletions and replacements between two texts.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
