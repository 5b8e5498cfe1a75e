// Package judge says what the hops of a path tell beside their times: which networks it
// passes ([ASPath]), where addresses are translated ([NAT]), and which hops cannot be where
// a database says ([Check]).
//
// All of it is a conclusion from facts that others gathered. What is missing is unknown,
// not fine: each conclusion has a value for that.
package judge
