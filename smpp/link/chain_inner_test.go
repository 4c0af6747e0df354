package link

import (
	"strings"
	"testing"
)

// TestChainHash: the chains of the operators' manual; its ids joined by commas, hashed by sha256sum.
func TestChainHash(t *testing.T) {
	for _, test := range []struct{ chain, want string }{
		{"1101172974420830004", "c0c951afca257c5b87c3da535c09112080483f35b7e6faf35e2428b3b526b694"},
		{"1101172974420820002 1101172974420830004", "ba38bbe4ab3780a70aad6071c006e720eed8efc1ff70b00691d3b6844e6497e2"},
	} {
		if got := ChainHash("1101172974420810001", strings.Fields(test.chain)); got != test.want {
			t.Errorf("%s: %s, want %s", test.chain, got, test.want)
		}
	}
}
