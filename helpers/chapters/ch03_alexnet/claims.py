"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "C1",
        "From 2010 to 2017 the error on ImageNet fell from year to year as the models grew deeper.",
        "condition",
        "the error fell every year, but depth grew only up to 2015; from 2012 to 2013 and after 2015 it fell without",
    ),
    Claim(
        "C2",
        "AlexNet is 5 convolutions + 3 fully connected layers = 8, with max pooling and ReLU; its input is 3×227×227.",
        "condition",
        "the paper writes 224; the arithmetic without padding needs 227",
    ),
    Claim(
        "C3",
        "Its output is a 1×1024 vector of class probabilities, trained against one-hot labels.",
        "wrong",
        "ImageNet has 1000 classes: the output is 1×1000",
    ),
    Claim(
        "C4",
        "AlexNet was the first to use ReLU; dropout against over-fitting; trained on GPUs in parallel.",
        "wrong",
        "ReLU was in use in 2010 and 2011; AlexNet made it the standard. Dropout and the two GPUs are right",
    ),
    Claim(
        "C5",
        "W′ = (W − K + 2P)/S + 1; for conv1, (227 − 11 + 0)/4 + 1 = 55.",
        "condition",
        "the division rounds down; with dilation D, K becomes D(K − 1) + 1",
    ),
    Claim(
        "C6",
        "The number of output channels is the number of filters: 96.",
    ),
    Claim(
        "C7",
        "The output of conv1 takes 96·55·55 = 290,400 KB; times 4 bytes it is 1,134 KB.",
        "wrong",
        "290,400 is a count of values, not KB; they take 1,161,600 bytes = 1,134.4 KiB",
    ),
    Claim(
        "C8",
        "The parameters of conv1: 96·3·11·11 + 96 = 34,944.",
    ),
    Claim(
        "C9",
        "The compute of conv1: (55·55)·(3·11·11·96)·2 = 105.4 M FLOPs.",
        "wrong",
        "105,415,200 is the product without the 2, the multiply-adds; the FLOPs are twice that, 210.8 M",
    ),
    Claim(
        "C10",
        "The remaining parameters and FLOPs of the table are left blank for the student to fill in.",
    ),
    Claim(
        "C11",
        "Memory sits in the early layers, parameters in the fully connected ones, compute in the convolutions.",
    ),
    Claim(
        "C12",
        "AlexNet is the most classic CNN.",
        "wrong",
        "LeNet-5 (1998) and its forerunner of 1989 are older, the neocognitron (1980) older still",
    ),
)
