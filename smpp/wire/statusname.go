package wire

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Name is the specification's name of a status, "0x" and its number where it has none.
func (s Status) Name() string {
	if name, ok := statusNames[s]; ok {
		return name
	}
	return fmt.Sprintf("0x%02X", uint32(s))
}

// Statuses lists those that the specification has.
func Statuses() []Status { return slices.Sorted(maps.Keys(statusNames)) }

// StatusNames lists the specification's names.
func StatusNames() []string { return slices.Sorted(maps.Values(statusNames)) }

// ParseStatus reads a status as people write it: ESME_RTHROTTLED, RTHROTTLED, THROTTLED (in any case), 0x58
// or 88.
func ParseStatus(s string) (Status, error) {
	name := strings.ToUpper(strings.TrimSpace(s))
	for status, known := range statusNames {
		short := strings.TrimPrefix(known, "ESME_")
		if name == known || name == short || name == strings.TrimPrefix(short, "R") {
			return status, nil
		}
	}
	n, err := strconv.ParseUint(name, 0, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is no command_status: want a name such as ESME_RTHROTTLED, or a number such as 0x58", s)
	}
	return Status(n), nil
}
