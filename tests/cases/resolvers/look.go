// Looks a name up.
package main

import (
	"net"
	"os"
)

func main() {
	if _, err := net.LookupHost(os.Args[1]); err != nil {
		os.Exit(1)
	}
}
