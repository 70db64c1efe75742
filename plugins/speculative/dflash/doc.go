// Package dflash is a drafter that guesses a block of tokens in one pass, from hidden states of the
// target: DFlash. The network is in package net, its arithmetic in package kernel, how it was trained
// in training/, the trained weights, with their model card, in weights/.
//
// A session keeps the network's keys and values of the features it was given, a row a position, and
// nothing else but its text. One lock a drafter serialises computation: it has one core's worth of
// work for everybody, and memory for one.
package dflash
