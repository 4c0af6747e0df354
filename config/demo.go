package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sethvargo/go-envconfig"
)

const (
	demoApp  = "demo"
	demoLink = "sim"
	demoKey  = "demo-key" // everybody knows it, and nobody is warned of it
)

// demoVars is the configuration of `otpgw -demo`: one application and one link to a simulator beside it.
func demoVars() map[string]string {
	return map[string]string{
		"OTPGW_DATA_DIR":       demoDir(),
		"OTPGW_CALLBACK_ALLOW": "127.0.0.0/8,::1/128",

		"OTPGW_APPS":                 demoApp,
		"OTPGW_APP_DEMO_API_KEYS":    demoKey,
		"OTPGW_APP_DEMO_SENDERS":     "Verify",
		"OTPGW_APP_DEMO_TEMPLATE":    "Your verification code is {{pin}}",
		"OTPGW_APP_DEMO_TEMPLATE_FR": "Votre code de vérification est {{pin}}",
		"OTPGW_APP_DEMO_TEMPLATE_DE": "Ihr Bestätigungscode lautet {{pin}}",
		"OTPGW_APP_DEMO_TEMPLATE_ES": "Su código de verificación es {{pin}}",
		"OTPGW_APP_DEMO_TEMPLATE_IT": "Il tuo codice di verifica è {{pin}}",
		"OTPGW_APP_DEMO_TEMPLATE_BG": "Вашият код за потвърждение е {{pin}}",

		"OTPGW_LINKS":              demoLink,
		"OTPGW_LINK_SIM_ADDR":      "127.0.0.1:2775",
		"OTPGW_LINK_SIM_SYSTEM_ID": "demo",
		"OTPGW_LINK_SIM_PASSWORD":  "demo",
	}
}

// demoDir is one directory that every demo uses again, so that demos do not pile up, and that belongs to
// the user: under the cache directory ($XDG_CACHE_HOME or ~/.cache), or where there is none (a container
// without a home) under the temporary one, with the user's number. It may be deleted at any time.
func demoDir() string {
	if cache, err := os.UserCacheDir(); err == nil {
		return filepath.Join(cache, "otpgw-demo")
	}
	return filepath.Join(os.TempDir(), "otpgw-demo-"+strconv.Itoa(os.Getuid()))
}

// Demo puts the demo's configuration under the environment: what lookup and environ set wins. The demo's
// application goes when OTPGW_APPS does not list it, its link when OTPGW_LINKS does not, and a secret that
// comes as NAME_FILE replaces the demo's. The results are Load's arguments.
func Demo(lookup envconfig.Lookuper, environ []string) (envconfig.Lookuper, []string) {
	vars := demoVars()
	set := func(name string) string {
		value, _ := lookup.Lookup(name)
		return value
	}
	maps.DeleteFunc(vars, func(name, _ string) bool {
		switch {
		case set(name) != "", isSecret(name) && set(name+fileSuffix) != "":
			return true
		case strings.HasPrefix(name, appGroup):
			return replaces(set("OTPGW_APPS"), demoApp)
		case strings.HasPrefix(name, linkGroup):
			return replaces(set("OTPGW_LINKS"), demoLink)
		}
		return false
	})
	combined := envconfig.LookuperFunc(func(name string) (string, bool) {
		if value, ok := lookup.Lookup(name); ok && value != "" {
			return value, true
		}
		value, ok := vars[name]
		return value, ok
	})
	return combined, append(slices.Clone(environ), slices.Sorted(maps.Keys(vars))...)
}

// replaces tells whether a list is given and lacks a name.
func replaces(list, name string) bool {
	for element := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(element) == name {
			return false
		}
	}
	return strings.TrimSpace(list) != ""
}
