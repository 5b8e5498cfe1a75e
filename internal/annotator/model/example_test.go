package model_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/model/double"
)

// A server that knows no schema is asked in another way, and its model's thought is left out.
func ExampleClient_Complete() {
	server := double.New(double.DeepSeek(400, `<think>Many.</think> {"verdict":"syn_flood"}`))
	defer server.Close()
	client, err := model.New(model.Config{
		Providers: []model.Provider{{Name: "local", BaseURL: "http://model.example/v1", Model: "m"}},
		Dial:      server.Dial,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := client.Complete(context.Background(), model.Request{
		System: "You explain alerts.",
		User:   `{"F1":"9000 SYN a second"}`,
		Schema: json.RawMessage(`{"type":"object","properties":{"verdict":{"type":"string"}},"required":["verdict"]}`),
		Check: func(answer []byte) string {
			var fields struct{ Verdict string }
			if json.Unmarshal(answer, &fields) != nil || fields.Verdict == "" {
				return "no_verdict"
			}
			return ""
		},
	})
	fmt.Println(string(result.Answer), result.Mode, len(result.Attempts), err)
	// Output: {"verdict":"syn_flood"} json_object 2 <nil>
}
