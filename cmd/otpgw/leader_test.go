package main

import (
	"testing"
	"time"

	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/queuetest/await"
	"github.com/otpgw/otpgw/queue/queuetest/standstill"
)

// TestKilledLeader: the NATS server that leads the log is killed. Nothing is accepted until the others have
// chosen another, and no longer: what is asked meanwhile is answered in two seconds, and what was accepted
// before is there.
func TestKilledLeader(t *testing.T) {
	cluster := queuetest.StartCluster(t, 3)
	d, c := startOnCluster(t, cluster, cluster.Servers[0])
	var o created
	mustCall(t, c, "POST", d.HTTP+"/otp", `{"phoneNumber":"+46700000001","ttl":1800}`, 201).json(t, &o)
	awaitAll(t, cluster)
	leader := cluster.Leader(t, "LOG")
	stood := standstill.Watch(t)
	s := startSteady(t, d.HTTP, o.OtpID)
	time.Sleep(time.Second) // of the load as it is without a fault
	since := time.Now()
	leader.Kill()
	election := elected(t, cluster, leader, since)
	time.Sleep(time.Until(since.Add(election + hangsFor))) // the load as it is with two servers
	await.That(t, "OTPs are accepted at a rate, with two servers", func() bool { return s.accepts(10) })
	list, noise := s.stop(since)
	tellHung(t, list, since, election, noise+stood())
	mustCall(t, c, "GET", d.HTTP+"/otp/"+o.OtpID, "", 200)
}
