package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestReaderOfTheLogStops: whoever reads the daemon's log stands still, or is gone. OTPs are accepted, sent and
// verified as before, and the daemon ends well when it is asked to.
func TestReaderOfTheLogStops(t *testing.T) {
	t.Parallel()
	const otps, callers = 400, 8 // at debug level they say more than what is kept for a reader
	for name, stop := range map[string]func(t *testing.T, log *os.File){
		"stands still": func(*testing.T, *os.File) {},
		"gone": func(t *testing.T, log *os.File) {
			if err := log.Close(); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := startSMSC(t, smsc.Config{})
			daemon, log := unreadDaemon(t, env(t.TempDir(), sim.Addr(), map[string]string{"OTPGW_LOG_LEVEL": "debug", "OTPGW_APP_SHOP_GUARD": "off"}))
			stop(t, log)
			c := client(t)
			c.Timeout = 20 * time.Second
			var all sync.WaitGroup
			for caller := range callers {
				all.Go(func() {
					for n := caller; n < otps; n += callers {
						a, err := call(c, "POST", daemon.HTTP+"/otp", fmt.Sprintf(`{"phoneNumber":%q}`, number(n)))
						if err != nil || a.status != http.StatusCreated {
							t.Errorf("OTP %d: %v, %d %s", n, err, a.status, a.body)
							return
						}
					}
				})
			}
			all.Wait()
			if t.Failed() {
				return
			}
			for n := range otps {
				waitSMS(t, sim, number(n))
			}
			_ = daemon.cmd.Process.Signal(syscall.SIGTERM)
			if status := daemon.wait(); status != exitOK {
				t.Errorf("exit status %d", status)
			}
		})
	}
}

// unread is a daemon whose log nobody reads once it is ready.
type unread struct {
	HTTP string
	cmd  *exec.Cmd
	wait func() (status int)
}

func unreadDaemon(t *testing.T, env map[string]string) (u unread, log *os.File) {
	t.Helper()
	log, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	u.cmd = exec.Command(self)
	u.cmd.Stderr = out
	u.cmd.Env = append(os.Environ(), processMode+"=otpgw")
	for name, value := range env {
		u.cmd.Env = append(u.cmd.Env, name+"="+value)
	}
	err = u.cmd.Start()
	out.Close()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = u.cmd.Wait()
	}()
	u.wait = func() int {
		select {
		case <-ended:
		case <-time.After(testTimeout):
			t.Error("the daemon does not end")
			_ = u.cmd.Process.Kill()
			<-ended
		}
		return u.cmd.ProcessState.ExitCode()
	}
	t.Cleanup(func() {
		_ = u.cmd.Process.Kill()
		<-ended
	})
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), `"message":"ready"`) {
			continue
		}
		var ready struct{ HTTP string }
		if err := json.Unmarshal(lines.Bytes(), &ready); err != nil {
			t.Fatal(err)
		}
		u.HTTP = "http://" + ready.HTTP
		return u, log
	}
	t.Fatal("the daemon did not get ready")
	return u, log
}
