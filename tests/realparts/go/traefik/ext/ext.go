// Package ext is what Traefik's published module refers to and does not hold: nothing is added
// to its routers.
package ext

type HTTP struct{}

type Router struct{}
