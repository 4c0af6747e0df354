package config

import (
	"os"
	"runtime"
	"slices"

	"github.com/sethvargo/go-envconfig"

	"github.com/otpgw/otpgw/config/internal/envfile"
)

// WithFile puts the variables of a file (package envfile) under the environment: what lookup and environ set
// wins. Its results are Load's arguments. The error is an *Error that names the file's lines.
func WithFile(path string, lookup envconfig.Lookuper, environ []string) (envconfig.Lookuper, []string, error) {
	content, err := readFile(path, maxConfigFile)
	if err != nil {
		return nil, nil, &Error{Faults: []Fault{{path, "cannot be read: " + err.Error()}}}
	}
	variables, err := envfile.Parse(string(content))
	if err != nil {
		return nil, nil, &Error{Faults: faultsOf(path, err)}
	}
	values := make(map[string]string)
	names := slices.Clone(environ)
	for _, v := range variables {
		values[v.Name] = v.Value
		names = append(names, v.Name)
	}
	under := envconfig.LookuperFunc(func(name string) (string, bool) {
		if value, ok := lookup.Lookup(name); ok && value != "" {
			return value, true
		}
		value, ok := values[name]
		return value, ok
	})
	return under, names, nil
}

// faultsOf are the lines of a file that are none.
func faultsOf(path string, err error) (faults []Fault) {
	lines := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		lines = joined.Unwrap()
	}
	for _, line := range lines {
		faults = append(faults, Fault{path, oneLine("%v", []any{line})})
	}
	return faults
}

// OpenToOthers warns of a file of settings that holds a secret and that others than its owner and group can
// read.
func OpenToOthers(path string) []Fault {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o007 == 0 {
		return nil
	}
	content, err := readFile(path, maxConfigFile)
	if err != nil {
		return nil
	}
	variables, _ := envfile.Parse(string(content)) // WithFile has judged it
	for _, v := range variables {
		if isSecret(v.Name) && v.Value != "" {
			r := new(report)
			r.warn(path, "holds %s and everybody can read it; chmod 640, or put the secret into a file of its own (%s)", v.Name, v.Name+fileSuffix)
			return r.warnings
		}
	}
	return nil
}
