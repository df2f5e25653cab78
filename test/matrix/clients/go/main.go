// Follows a stream with donovanhide/eventsource and prints what it gives, a line of JSON each.
package main

import (
	"encoding/json"
	"os"

	"github.com/donovanhide/eventsource"
)

type told struct {
	Kind    string `json:"kind"`
	Type    string `json:"type,omitempty"`
	Data    string `json:"data"`
	Message string `json:"message,omitempty"`
}

func main() {
	output := json.NewEncoder(os.Stdout)
	stream, err := eventsource.Subscribe(os.Args[1], "")
	if err != nil {
		output.Encode(told{Kind: "failed", Message: err.Error()})
		return
	}
	output.Encode(told{Kind: "opened"})
	// errors are informative, says its documentation: it reconnects by itself
	go func() {
		for range stream.Errors {
		}
	}()
	for event := range stream.Events {
		name := event.Event()
		if name == "" {
			name = "message"
		}
		output.Encode(told{Kind: "item", Type: name, Data: event.Data()})
	}
	output.Encode(told{Kind: "ended"})
}
