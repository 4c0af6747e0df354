package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/sethvargo/go-envconfig"

	"github.com/otpgw/otpgw/config"
)

// settings is where the configuration comes from: the environment, and under it the file of -config. It is
// read anew at each reload.
type settings struct {
	environ []string
	file    string // empty: none
}

// lookup are the variables that Load reads.
func (s settings) lookup() (envconfig.Lookuper, []string, error) {
	if s.file == "" {
		return environMap(s.environ), s.environ, nil
	}
	return config.WithFile(s.file, environMap(s.environ), s.environ)
}

func (s settings) load(ctx context.Context) (*config.Config, error) {
	lookup, names, err := s.lookup()
	if err != nil {
		return nil, err
	}
	c, err := config.Load(ctx, lookup, names)
	if err != nil {
		return nil, err
	}
	if s.file != "" {
		c.Warnings = append(c.Warnings, config.OpenToOthers(s.file)...)
	}
	return c, nil
}

// complain prints what is wrong with a configuration, and returns the exit status.
func complain(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "otpgw: the configuration is wrong:\n%v\n", err)
	var faulty *config.Error
	if errors.As(err, &faulty) {
		return exitUsage
	}
	return exitFailed
}

// environMap is the environment as go-envconfig reads it.
func environMap(environ []string) envconfig.Lookuper {
	m := make(map[string]string, len(environ))
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		m[name] = value
	}
	return envconfig.MapLookuper(m)
}
