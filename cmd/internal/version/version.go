// Package version says which build of a command this is. A release has its number from the linker (make
// dist); what git knows of a plain `go build` the Go tool puts into the binary by itself.
package version

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// Set by the linker: -X github.com/otpgw/otpgw/cmd/internal/version.number=1.2.3, and so on.
var number, commit, date string

const commitShown = 12 // digits

// Info is what is known of a build; empty is what is not.
type Info struct {
	Number   string // 1.2.3, or the module's pseudo-version; "devel" when nothing says it
	Commit   string
	Date     string // of the commit
	Modified bool   // built with changes that are in no commit
	Go       string
	Platform string
}

// Read tells of this build.
func Read() Info {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return from(info)
}

func from(b *debug.BuildInfo) Info {
	i := Info{Number: number, Commit: commit, Date: date, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	for _, s := range b.Settings {
		switch s.Key {
		case "vcs.revision":
			i.Commit = cmp.Or(i.Commit, s.Value)
		case "vcs.time":
			i.Date = cmp.Or(i.Date, s.Value)
		case "vcs.modified":
			i.Modified = s.Value == "true" && number == ""
		}
	}
	if v := b.Main.Version; v != "(devel)" {
		i.Number = cmp.Or(i.Number, strings.TrimPrefix(v, "v"))
	}
	i.Number = cmp.Or(i.Number, "devel")
	i.Commit = i.Commit[:min(len(i.Commit), commitShown)]
	return i
}

// String is one line: 1.2.3 (commit 486ecb5b8d2e of 2026-11-26T10:00:00Z, go1.26.8, linux/amd64).
func (i Info) String() string {
	built := ""
	if i.Commit != "" {
		built = "commit " + i.Commit
		if i.Date != "" {
			built += " of " + i.Date
		}
		if i.Modified {
			built += " with changes"
		}
		built += ", "
	}
	return fmt.Sprintf("%s (%s%s, %s)", i.Number, built, i.Go, i.Platform)
}
