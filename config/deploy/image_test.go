package deploy

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/smpp/smsc"
)

// TestImage runs the build steps of the Dockerfile as a script, and looks at what goes into the image.
func TestImage(t *testing.T) {
	t.Parallel()
	out := filepath.Join(stageImage(t), "out")
	final := finalStage(t)
	for line := range strings.Lines(final) {
		if from, ok := strings.CutPrefix(line, "COPY --from=build /out/"); ok {
			for _, name := range strings.Fields("/out/" + from)[:2] {
				if path := strings.Replace(name, "/out", out, 1); strings.HasPrefix(name, "/out") {
					static(t, path)
				}
			}
		}
	}
	if info, err := os.Stat(filepath.Join(out, "data")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the data directory: %v, %v", info, err)
	}
	if got := output(t, exec.Command(filepath.Join(out, "otpgw"), "version")); !strings.HasPrefix(got, "otpgw 9.8.7 (") {
		t.Errorf("the image holds %s", got)
	}
}

func finalStage(t *testing.T) string {
	t.Helper()
	_, final, ok := strings.Cut(read(t, "Dockerfile"), "\nFROM scratch\n")
	if !ok || !strings.Contains(final, "USER 65532:65532") {
		t.Fatal("the image is not made from scratch, or runs as root")
	}
	return final
}

// stageImage is what the Dockerfile's first stage makes, without the image that it begins with: a directory
// with out, and the certificates of the machine.
func stageImage(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the image is built on Linux")
	}
	stage := t.TempDir()
	build, _, _ := strings.Cut(read(t, "Dockerfile"), "\nFROM scratch\n")
	var script strings.Builder
	for line := range strings.Lines(build) {
		if step, ok := strings.CutPrefix(line, "RUN "); ok {
			script.WriteString(strings.ReplaceAll(step, "/out", filepath.Join(stage, "out")))
		}
	}
	cmd := exec.Command("sh", "-euc", script.String())
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), "VERSION=v9.8.7", "HOME="+os.Getenv("HOME"))
	output(t, cmd)
	return stage
}

// TestContainer: a container of the image, which is made from the Dockerfile itself with its first stage given
// (the image that it begins with is not to be had everywhere), runs as nobody, keeps its state in /data and
// sends an OTP. Buildah needs no service for that, and no rights to make namespaces.
func TestContainer(t *testing.T) {
	t.Parallel()
	buildah := need(t, "buildah", "apt-get install buildah")
	if os.Getuid() != 0 {
		t.Skip("buildah changes the owner of files: run this test as root")
	}
	stage := stageImage(t)
	certificates := filepath.Join(stage, "etc/ssl/certs")
	if err := os.MkdirAll(certificates, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(certificates, "ca-certificates.crt"), []byte("# of the builder\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	common := []string{"--root=" + state + "/root", "--runroot=" + state + "/run", "--storage-driver=vfs"}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(buildah, append(common, args...)...)
		cmd.Env = append(os.Environ(), "BUILDAH_ISOLATION=chroot")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("bud", "--build-context=build="+stage, "--build-arg=VERSION=v9.8.7", "--file=Dockerfile", "--tag=otpgw-of-a-test", t.TempDir())
	container := run("from", "--pull-never", "otpgw-of-a-test")
	if got := run("run", container, "--", "/otpgw", "version"); !strings.HasPrefix(got, "otpgw 9.8.7 (") {
		t.Errorf("the image holds %s", got)
	}
	if got := run("inspect", "--format={{.OCIv1.Config.User}}", container); !strings.HasPrefix(got, "65532:65532") {
		t.Errorf("the container runs as %s", got)
	}
	sim, err := smsc.Start(smsc.Config{SMPPAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close(t.Context())
	command := append([]string{buildah}, common...)
	command = append(command, "run", "--isolation=chroot")
	for _, setting := range []string{"OTPGW_HTTP_ADDR=127.0.0.1:0", "OTPGW_ADMIN_ADDR=127.0.0.1:0", "OTPGW_APPS=shop", "OTPGW_APP_SHOP_API_KEYS=key-of-the-package-test",
		"OTPGW_APP_SHOP_SENDERS=Verify", "OTPGW_LINKS=sim", "OTPGW_LINK_SIM_SYSTEM_ID=x", "OTPGW_LINK_SIM_ADDR=" + sim.Addr()} {
		command = append(command, "--env="+setting)
	}
	g := &installed{t: t, command: append(command, container, "--", "/otpgw")}
	g.start()
	if _, ok := g.order("+46700000001"); !ok {
		t.Error("POST /otp to the container fails")
	}
	await.That(t, "the container sends", func() bool { return len(sim.Messages(smsc.Filter{})) == 1 })
	_ = g.cmd.Process.Signal(syscall.SIGTERM) // buildah kills what it runs
	<-g.endOfOutput
	_ = g.cmd.Wait()
	http.DefaultClient.CloseIdleConnections()
}
