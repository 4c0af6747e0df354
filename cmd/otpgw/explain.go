package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/otpgw/otpgw/cmd/otpgw/internal/explanation"
	"github.com/otpgw/otpgw/config"
)

// explainCommand tells what a request would get and why, and why it would be refused, without sending
// anything.
func explainCommand(flags *flag.FlagSet) func(context.Context, cli) int {
	var asked explanation.Request
	flags.StringVar(&asked.To, "to", "", "")
	flags.StringVar(&asked.App, "app", "", "")
	flags.StringVar(&asked.From, "from", "", "")
	flags.StringVar(&asked.Network, "network", "", "")
	asked.Templates = templateFlags(flags)
	asJSON := flags.Bool("json", false, "")
	return func(ctx context.Context, c cli) int {
		var wrong *config.Error
		err := explain(ctx, c, asked, *asJSON)
		switch {
		case errors.As(err, &wrong):
			return complain(c.stderr, err)
		case err != nil:
			fmt.Fprintf(c.stderr, "otpgw explain: %v\n", err)
			return exitUsage
		}
		return exitOK
	}
}

// templateFlags are -template and, for each language that has a code of two letters, -template-bg; by the
// names that a request has for them.
func templateFlags(flags *flag.FlagSet) map[string]string {
	templates := make(map[string]string)
	declare := func(name string) {
		flags.Func(name, "", func(text string) error {
			templates[strings.ReplaceAll(name, "-", "_")] = text
			return nil
		})
	}
	declare("template")
	for a := 'a'; a <= 'z'; a++ {
		for b := 'a'; b <= 'z'; b++ {
			if code := string([]rune{a, b}); isLanguage(code) {
				declare("template-" + code)
			}
		}
	}
	return templates
}

func isLanguage(code string) bool {
	_, err := language.ParseBase(code)
	return err == nil
}

// explain is by the configuration of this command, which may be one to be loaded; what only the store of the
// running gateway knows, it is asked for.
func explain(ctx context.Context, c cli, asked explanation.Request, asJSON bool) error {
	conf, err := c.load(ctx)
	if err != nil {
		return err
	}
	e, err := explanation.Of(conf, newLive(conf).measure, asked, "")
	if err != nil {
		return err
	}
	running, err := c.explainedThere(ctx, asked)
	if err != nil {
		e.Notes = append(e.Notes, "no running gateway was asked, so opt-outs, the do-not-send list, the guard, limits and quotas are not looked at: "+err.Error())
	} else {
		e.Join(running)
	}
	if asJSON {
		enc := json.NewEncoder(c.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(e)
	}
	return e.Write(c.stdout)
}

// explainWithin bounds the wait for the running gateway.
const explainWithin = 5 * time.Second

func (c cli) explainedThere(ctx context.Context, asked explanation.Request) (e explanation.Explanation, err error) {
	at, err := c.adminPort()
	if err != nil {
		return e, err
	}
	body, err := json.Marshal(asked)
	if err != nil {
		return e, err
	}
	ctx, cancel := context.WithTimeout(ctx, explainWithin)
	defer cancel()
	status, answer, err := at.send(ctx, http.MethodPost, "/explain", body)
	if err != nil {
		return e, fmt.Errorf("%w (OTPGW_ADMIN_ADDR)", err)
	}
	if status != http.StatusOK {
		return e, fmt.Errorf("it answers %w", refusal(status, answer))
	}
	return e, json.Unmarshal(answer, &e)
}
