"""What the lecture says on this, claim by claim, with the verdict that the chapter comes to."""

from helpers.course.claims import Claim

CLAIMS = (
    Claim(
        "E1",
        "Beyond some depth a plain network gets worse (the degradation problem), even on its training data.",
        "condition",
        "the depth from which it holds grows with the steps: with four times as many, 20 plain layers catch up here, and 32 do "
        "not; on CIFAR-10 the published gap of 56 layers remains after 64,000 steps",
    ),
    Claim(
        "E2",
        "Batch normalisation made networks of more than ten layers trainable.",
        "condition",
        "one of three ways: from He's initialisation, which fits the ReLU, or with a shortcut, 14 layers learn without it, if "
        "less well; plain ones from torch's default initialisation need it",
    ),
    Claim(
        "E3",
        "A residual block adds its input to its output, F(x) + x; where F is about 0 the block is the "
        "identity, so a deeper network need not be worse.",
    ),
    Claim(
        "E4",
        "F is convolution, ReLU, convolution, ReLU; then x is added.",
        "wrong",
        "there is no ReLU before the addition: F is convolution, BN, ReLU, convolution, BN; the second ReLU "
        "comes after the sum",
    ),
    Claim(
        "E5",
        "Beside the plain block there is the bottleneck block, which narrows, convolves and widens; input "
        "and output have the same shape. It makes the network deeper for less compute.",
        "condition",
        "the shapes are the same inside a stage; where a stage begins, a projection stands in the shortcut",
    ),
    Claim(
        "E6",
        "The stem cuts the resolution to a quarter before the first block.",
    ),
    Claim(
        "E7",
        "Global average pooling, from GoogLeNet, and one fully connected layer replace the stack of fully "
        "connected layers; the 1×1 convolution comes from Inception.",
        "condition",
        "both are older: they stand in Network in Network, 2013, and GoogLeNet took them over",
    ),
    Claim(
        "E8",
        "ResNet-18 and 34 use basic blocks, ResNet-50 bottlenecks.",
    ),
    Claim(
        "E9",
        "The recipe: BN after every convolution; He's initialisation instead of Xavier's; SGD with momentum "
        "0.9; rate 0.1, divided by 10 on plateaus of the validation error; batches of 256; weight decay "
        "1e-5; no dropout.",
        "wrong",
        "the weight decay of the paper is 1e-4; the rest is as the paper has it",
    ),
    Claim(
        "E10",
        "Networks of more than 100 layers can be trained.",
    ),
    Claim(
        "E11",
        "The output is 1×1024.",
        "wrong",
        "ImageNet has 1000 classes: the output is 1×1000",
    ),
    Claim(
        "E12",
        "ResNet solved the vanishing gradient.",
        "wrong",
        "with BN the gradients of a plain network do not vanish, they grow towards the input; the paper itself calls "
        "vanishing unlikely. What the shortcut changes is how well the network can be optimised",
    ),
    Claim(
        "E13",
        "ResNet was best on every benchmark of its time, and is the most used CNN today.",
        "condition",
        "it took five first places in 2015, though not every one; which CNN is used most cannot be settled here",
    ),
    Claim(
        "E14",
        "The output is a text, 1×1024; the start is called Xavier (He).",
        "wrong",
        "the output is 1000 scores, one a class; Xavier and He are two rules, a factor of √2 apart in the deviation",
    ),
)
