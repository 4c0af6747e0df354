// Package egress says where a callback may go: which URLs are good ones, and which addresses are of the
// public Internet. It knows no application and no setting; who may reach more says so with a function of its
// own.
package egress
