package queuetest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/otpgw/otpgw/queue/queuetest/address"
)

// clusterTimeout bounds how long a cluster takes to find together.
const clusterTimeout = 60 * time.Second

// Cluster is NATS servers that replicate, each in a process of its own.
type Cluster struct{ Servers []*Server }

// StartCluster runs n servers for the time of the test, and returns when they have a leader.
func StartCluster(t testing.TB, n int) *Cluster {
	t.Helper()
	addresses := address.Free(t, n)
	c := new(Cluster)
	for i := range n {
		c.Servers = append(c.Servers, startServer(t, strconv.Itoa(i)+","+strings.Join(addresses, ",")))
	}
	ctx, cancel := context.WithTimeout(context.Background(), clusterTimeout)
	defer cancel()
	c.ask(t, func(js jetstream.JetStream) error {
		for { // one that comes before there is a leader is not answered
			attempt, cancel := context.WithTimeout(ctx, time.Second)
			_, err := js.AccountInfo(attempt)
			cancel()
			if err == nil || ctx.Err() != nil {
				return err
			}
		}
	})
	return c
}

// URL names all servers.
func (c *Cluster) URL() string {
	var urls []string
	for _, s := range c.Servers {
		urls = append(urls, s.URL)
	}
	return strings.Join(urls, ",")
}

// Leader is the server that leads a stream.
func (c *Cluster) Leader(t testing.TB, stream string) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), clusterTimeout)
	defer cancel()
	var leader int
	c.ask(t, func(js jetstream.JetStream) error {
		s, err := js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		leader, err = strconv.Atoi(strings.TrimPrefix(s.CachedInfo().Cluster.Leader, "n"))
		return err
	})
	return c.Servers[leader]
}

func (c *Cluster) ask(t testing.TB, f func(jetstream.JetStream) error) {
	t.Helper()
	nc, err := nats.Connect(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err == nil {
		err = f(js)
	}
	if err != nil {
		t.Fatalf("cluster: %v", err)
	}
}

// join makes a server one of a cluster.
func join(o *server.Options, cluster string) error {
	number, addresses, _ := strings.Cut(cluster, ",")
	i, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	all := strings.Split(addresses, ",")
	for _, a := range all {
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: a})
	}
	o.ServerName = fmt.Sprint("n", i)
	o.Cluster.Name = "test"
	host, port, err := net.SplitHostPort(all[i])
	if err != nil {
		return err
	}
	o.Cluster.Host = host
	o.Cluster.Port, err = strconv.Atoi(port)
	return err
}
