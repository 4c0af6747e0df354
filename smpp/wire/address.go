package wire

// Address is an address with its type of number and numbering plan (SMPP 3.4, 5.2.5 and 5.2.6).
type Address struct {
	TON, NPI byte
	Addr     string
}

func (a *Address) refs() []any { return []any{&a.TON, &a.NPI, &a.Addr} }
