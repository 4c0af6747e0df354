package config

import (
	"fmt"
	"strings"
)

// Fault is one thing wrong with the configuration, or, as a warning, one thing that deserves a look.
// Its text says what would be right and never holds the value of a secret.
type Fault struct {
	Variable string // the environment variable to change
	Text     string
}

// String returns the fault as one line, the variable first.
func (f Fault) String() string { return f.Variable + ": " + f.Text }

// Error is all that is wrong with a configuration. The warnings are part of it because the commonest
// fault, a required variable that is missing, has its cause among them: the misspelt name.
type Error struct {
	Faults   []Fault // at least one, in the order of the table of variables
	Warnings []Fault
}

// Error returns one line a fault, then one line a warning.
func (e *Error) Error() string {
	var b strings.Builder
	noun := "faults"
	if len(e.Faults) == 1 {
		noun = "fault"
	}
	fmt.Fprintf(&b, "configuration: %d %s", len(e.Faults), noun)
	for _, f := range e.Faults {
		b.WriteString("\n" + f.String())
	}
	for _, w := range e.Warnings {
		b.WriteString("\nwarning: " + w.String())
	}
	return b.String()
}

// report collects what is found wrong while a configuration is read.
type report struct {
	faults   []Fault
	warnings []Fault
}

func (r *report) fault(variable, format string, args ...any) {
	r.faults = append(r.faults, Fault{variable, oneLine(format, args)})
}

func (r *report) warn(variable, format string, args ...any) {
	r.warnings = append(r.warnings, Fault{variable, oneLine(format, args)})
}

// err is nil when no fault was found; warnings alone are no error.
func (r *report) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	return &Error{Faults: r.faults, Warnings: r.warnings}
}

// oneLine keeps the promise of one line a fault when the text of a library's error has several.
func oneLine(format string, args []any) string {
	return strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")
}
