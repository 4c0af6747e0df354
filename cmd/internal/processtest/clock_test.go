package processtest

import (
	"fmt"
	"os/exec"
	"testing"
	"time"
)

// TestClock: the wall clock of a program built here can be set wrong, and its monotonic clock is right all
// the same.
func TestClock(t *testing.T) {
	program, err := build(t.TempDir(), "./testdata/clock")
	if err != nil {
		t.Fatal(err)
	}
	for _, skew := range []int64{0, 31, -3600} {
		cmd := exec.Command(program)
		if skew != 0 {
			cmd.Env = append(cmd.Environ(), fmt.Sprint(ClockVariable, "=", skew))
		}
		began := time.Now().UnixMilli()
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		var wall, pause int64
		if _, err := fmt.Sscan(string(out), &wall, &pause); err != nil {
			t.Fatal(err)
		}
		if ahead := wall - began - skew*1000; ahead < 0 || ahead > 20_000 { // it is read a moment later
			t.Errorf("skew %d: it reads %d ms after %d", skew, wall, began)
		}
		if pause < 10 || pause > 20_000 {
			t.Errorf("skew %d: 10 ms took %d ms", skew, pause)
		}
	}
}

// TestClockWhileRunning: the wall clock of a program that runs is set back an hour, and ahead a day; its
// monotonic clock goes on.
func TestClockWhileRunning(t *testing.T) {
	program, err := build(t.TempDir(), "./testdata/clock")
	if err != nil {
		t.Fatal(err)
	}
	clock, lines := NewClock(t), NewLines()
	p, err := Start(t, Options{Program: program, Env: map[string]string{ClockVariable: clock.Value()}, Stdout: lines.Add})
	if err != nil {
		t.Fatal(err)
	}
	for _, ahead := range []time.Duration{0, -time.Hour, 24 * time.Hour} {
		clock.Set(ahead)
		if ahead != 0 {
			fmt.Fprintln(p.Stdin())
		}
		var wall, pause int64
		if _, err := fmt.Sscan(lines.Next(t, p, 20*time.Second), &wall, &pause); err != nil {
			t.Fatal(err)
		}
		if off := wall - time.Now().Add(ahead).UnixMilli(); off > 0 || off < -20_000 {
			t.Errorf("set ahead %s, it is off by %d ms", ahead, off)
		}
		if pause < 10 || pause > 20_000 {
			t.Errorf("set ahead %s, 10 ms took %d ms", ahead, pause)
		}
	}
}
