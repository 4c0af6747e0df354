package queuetest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/otpgw/otpgw/queue/queuetest/address"
)

// serverDir names the store of a server process; set, the process is that server and runs no tests.
const serverDir = "OTPGW_QUEUETEST_SERVER"

// maxStore is how much the streams of a server may promise to hold: more than they do, whatever room the disk
// of the tests has.
const maxStore = 64 << 30

// init makes any test binary that imports this package able to be the server, with nothing to add to it.
func init() {
	if dir := os.Getenv(serverDir); dir != "" {
		if err := serve(dir, os.Getenv(serverDir+"_PORT"), os.Getenv(serverDir+"_CLUSTER")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// serve runs a server on a port, prints its URL, answers each line whether it leads the cluster, and ends
// when stdin does: also when the parent is killed. cluster is empty, or the server's number and the addresses
// of all for each other.
func serve(dir, port, cluster string) error {
	o := &server.Options{Host: "127.0.0.1", JetStream: true, JetStreamMaxStore: maxStore, StoreDir: dir, NoSigs: true, NoLog: true}
	if _, err := fmt.Sscan(port, &o.Port); err != nil {
		return err
	}
	if cluster != "" {
		if err := join(o, cluster); err != nil {
			return err
		}
	}
	ns, err := server.NewServer(o)
	if err != nil {
		return err
	}
	ns.Start()
	if !ns.ReadyForConnections(clusterTimeout) {
		return fmt.Errorf("server not ready")
	}
	fmt.Println(ns.ClientURL())
	for questions := bufio.NewScanner(os.Stdin); questions.Scan(); {
		fmt.Println(ns.JetStreamIsLeader())
	}
	ns.Shutdown()
	ns.WaitForShutdown()
	return nil
}

// Server is an external NATS server in its own process.
type Server struct {
	URL string

	dir, cluster string

	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	end    *sync.Once
}

// External runs a NATS server for the time of the test and returns its URL.
func External(t testing.TB) string {
	t.Helper()
	return StartServer(t).URL
}

// StartServer runs a NATS server for the time of the test.
func StartServer(t testing.TB) *Server {
	t.Helper()
	return startServer(t, "")
}

func startServer(t testing.TB, cluster string) *Server {
	t.Helper()
	s := &Server{dir: t.TempDir(), cluster: cluster}
	_, port, _ := net.SplitHostPort(address.Free(t, 1)[0])
	s.start(t, port)
	t.Cleanup(s.Stop)
	return s
}

func (s *Server) start(t testing.TB, port string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(self)
	s.cmd.Env = append(os.Environ(), serverDir+"="+s.dir, serverDir+"_PORT="+port, serverDir+"_CLUSTER="+s.cluster)
	s.cmd.Stderr = os.Stderr
	s.end = new(sync.Once)
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.stdout = bufio.NewReader(out)
	line, err := s.stdout.ReadString('\n')
	if err != nil {
		s.Kill()
		t.Fatalf("nats-server process: %v", err)
	}
	s.URL = strings.TrimSpace(line)
}

// LeadsCluster tells whether it is the one of its cluster that makes streams and consumers.
func (s *Server) LeadsCluster(t testing.TB) bool {
	t.Helper()
	fmt.Fprintln(s.stdin, "do you lead?")
	line, err := s.stdout.ReadString('\n')
	if err != nil {
		t.Fatalf("nats-server process: %v", err)
	}
	return strings.TrimSpace(line) == "true"
}

// Pid is the process's id, for who measures it.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Kill ends the server as kill -9 does, and waits.
func (s *Server) Kill() {
	s.end.Do(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
}

// Stop shuts the server down and waits.
func (s *Server) Stop() {
	s.end.Do(func() {
		_ = s.stdin.Close()
		_ = s.cmd.Wait()
	})
}

// Keep copies the store of a server that has ended, for SetBack.
func (s *Server) Keep(t testing.TB) (kept string) {
	t.Helper()
	kept = t.TempDir()
	if err := os.CopyFS(kept, os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	return kept
}

// SetBack has a server that has ended lose all that was stored since Keep.
func (s *Server) SetBack(t testing.TB, kept string) {
	t.Helper()
	err := os.RemoveAll(s.dir)
	if err == nil {
		err = os.CopyFS(s.dir, os.DirFS(kept))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Restart starts the server again, on the same store and port, after Kill or Stop.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.start(t, s.URL[strings.LastIndexByte(s.URL, ':')+1:])
}
