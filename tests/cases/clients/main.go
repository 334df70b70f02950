// Reads a file, and sends it to a URL.
package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
)

func main() {
	if err := send(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func send(url, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	response, err := http.Post(url, "text/plain", bytes.NewReader(content))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server says %s", response.Status)
	}
	return nil
}
